"""Composition: the web application out of its rooms."""

from __future__ import annotations

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

import dashboard.app
from bot import cli, vault
from bot.exposition import exposition
from bot.health import health
from bot.logs import set_up_logs
from bot.settings import settings
from bot.webhooks import doors


def create_app() -> Flask:
    set_up_logs("web")
    app = Flask(__name__, static_folder=None)
    app.secret_key = vault.session_key()
    if hops := settings().proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign]  # as Flask documents it
    app.register_blueprint(doors)
    app.register_blueprint(health)
    app.register_blueprint(exposition)
    dashboard.app.register(app)
    cli.register(app)
    return app


app = create_app()
