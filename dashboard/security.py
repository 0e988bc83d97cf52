"""What guards every page: sign-in, CSRF, rate limits, headers, clear refusals."""

from __future__ import annotations

import math
import re

from flask import Blueprint, Flask, Response, current_app, make_response, render_template, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import current_user
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import HTTPException

from bot import clock
from bot.settings import settings
from dashboard import pictures, reader

# Every other page of the dashboard needs a signed-in adviser (a test reads this list).
OPEN = frozenset(
    {
        "accounts.sign_in",
        "assets.static",
        "media.link",  # has our signature
        "media.label",  # ditto
        "unsubscribe.page",  # ditto
        "unsubscribe.leave",
        "opinions.page",  # ditto
        "opinions.give",
        "phone.page",
        "phone.text",
        "phone.move_clock",
    }
)

# A mail program posts here by itself, without a form of ours (RFC 8058): the signature in the
# address is the proof, and there is nobody signed in whose rights could be borrowed. So it is
# with an opinion, whose form may lie open for days.
WITHOUT_FORM = frozenset({"unsubscribe.leave", "opinions.give"})

LARGEST_FORM = pictures.LARGEST + 100_000  # bytes: a picture and the words beside it

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

csrf = CSRFProtect()
limiter = Limiter(
    key_func=get_remote_address,
    strategy="moving-window",
    in_memory_fallback_enabled=True,  # Redis away: each process counts for itself, and logs it
    key_prefix="desk",
)


def configure(app: Flask) -> None:
    """CSRF is checked by `guard`, for our own pages: vendors' doors have their signatures."""
    app.config.update(
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: a desk stays open all day
        RATELIMIT_STORAGE_URI=re.sub(r"^unix:", "redis+unix:", settings().redis),
        RATELIMIT_STORAGE_OPTIONS={"socket_timeout": 2},
        SESSION_COOKIE_NAME="coccinelle",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings().base_url.startswith("https://"),
        SESSION_REFRESH_EACH_REQUEST=False,
        REMEMBER_COOKIE_HTTPONLY=True,
    )
    csrf.init_app(app)
    limiter.init_app(app)


def guard(blueprint: Blueprint) -> None:
    """Let the blueprint's pages in only as they should be."""
    blueprint.before_request(_check_request)
    blueprint.after_request(_add_headers)
    blueprint.register_error_handler(CSRFError, _refuse)
    for code in (400, 403, 404, 405, 409, 413, 429):
        blueprint.register_error_handler(code, _refuse)


def _check_request() -> Response | None:
    request.max_content_length = LARGEST_FORM
    if request.endpoint not in WITHOUT_FORM:
        csrf.protect()
    if request.endpoint not in OPEN and not current_user.is_authenticated:
        if "live" in request.args or "X-Live" in request.headers:
            return Response(status=401)
        answer: Response = make_response(current_app.login_manager.unauthorized())  # type: ignore[attr-defined]  # Flask-Login puts it there
        return answer
    return None


def _add_headers(response: Response) -> Response:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", CONTENT_POLICY)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("X-Frame-Options", "DENY")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
    if settings().base_url.startswith("https://"):
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if request.endpoint != "assets.static":
        headers.setdefault("Cache-Control", "no-store, private")
    return response


def _refuse(error: HTTPException) -> Response:
    """A page that says what is the matter, in words."""
    if error.code == 413 and "X-Live" in request.headers:  # only a picture can be so large
        return Response(reader.texts()("reply.picture_too_large"), 422, mimetype="text/plain")
    kind = "csrf" if isinstance(error, CSRFError) else str(error.code)
    response = make_response(render_template("refusal.html", kind=kind), error.code)
    if error.code == 429 and (limit := limiter.current_limit):
        left = math.ceil(limit.reset_at - clock.wall().timestamp())
        response.headers["Retry-After"] = str(max(1, left))
    return response
