"""The sandbox as a web application.

One process with threads: `gunicorn --workers 1 --threads 8 "connectors.sandbox.app:create_app()"`
"""

from __future__ import annotations

from pathlib import Path

from flask import Flask, Response

from connectors.sandbox import (
    content,
    control,
    hubspot,
    hubspot_records,
    laposte,
    media,
    openai,
    pages,
    resend,
    shopify,
    twilio,
)
from connectors.sandbox.documents import BadDocument
from connectors.sandbox.web import answer_json
from connectors.sandbox.worlds import Worlds


def create_app(store_dir: Path | None = None) -> Flask:
    """With `store_dir`, worlds are kept there and found again after a restart."""
    app = Flask(__name__)
    app.extensions["worlds"] = Worlds(store_dir)
    for blueprint in (
        control.bp,
        twilio.bp,
        media.bp,
        content.bp,
        shopify.bp,
        hubspot.bp,
        hubspot_records.bp,
        resend.bp,
        laposte.bp,
        openai.bp,
        openai.control_bp,
        pages.bp,
    ):
        app.register_blueprint(blueprint)
    app.register_error_handler(BadDocument, _answer_bad_document)
    return app


def _answer_bad_document(error: BadDocument) -> Response:
    return answer_json({"error": str(error)}, 400)
