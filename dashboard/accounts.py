"""Who is at the desk: signing in and out, and the tenant chosen."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    Flask,
    abort,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_login import LoginManager, current_user, login_user, logout_user
from flask_wtf import FlaskForm
from sqlalchemy import select
from werkzeug.wrappers import Response as BaseResponse
from wtforms import EmailField, PasswordField
from wtforms.validators import InputRequired, Length

from bot.clock import wall
from bot.db import transaction
from bot.models.tenants import Tenant
from bot.models.users import Membership, User, user_by_email
from bot.passwords import check_password, hash_password, is_outdated
from dashboard import reader
from dashboard.security import limiter

SIGNED_IN_FOR = timedelta(days=14)
MISSED = 422  # a wrong password or account; only these count against the limits

accounts = Blueprint("accounts", __name__, template_folder="templates")
login_manager = LoginManager()


@dataclass(frozen=True)
class Adviser:
    """The signed-in user and the tenants whose desk they work at. `stamp` changes with the
    password, which ends all sessions."""

    id: int
    name: str
    language: str
    stamp: str
    tenants: tuple[Tenant, ...] = field(repr=False, default=())

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def get_id(self) -> str:
        return f"{self.id}.{self.stamp}"

    @property
    def tenant(self) -> Tenant:
        """The one chosen in this session; without a choice the first. 403 without any."""
        if not self.tenants:
            abort(403)
        chosen = session.get("tenant")
        return next((t for t in self.tenants if t.id == chosen), self.tenants[0])


class SignInForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF ships no types
    email = EmailField(validators=[InputRequired(), Length(max=254)])
    password = PasswordField(validators=[InputRequired(), Length(max=1024)])


def connect_accounts(app: Flask) -> None:
    app.permanent_session_lifetime = SIGNED_IN_FOR
    login_manager.login_view = "accounts.sign_in"
    login_manager.login_message = None
    login_manager.session_protection = None  # the address of a tablet changes with its network
    login_manager.init_app(app)
    login_manager.user_loader(_load_adviser)
    check_password(None, "")  # makes nobody's hash now: the first stranger waits no longer
    app.register_blueprint(accounts)


def _load_adviser(kept: str) -> Adviser | None:
    user_id, _, stamp = kept.partition(".")
    with transaction() as db:
        rows = db.execute(
            select(User, Tenant)
            .outerjoin(Membership, Membership.user_id == User.id)
            .outerjoin(Tenant, Tenant.id == Membership.tenant_id)
            .where(User.id == int(user_id), User.is_active)
            .order_by(Tenant.id)
        ).all()
    if not rows:
        return None
    adviser = _adviser(rows[0][0], tuple(tenant for _, tenant in rows if tenant is not None))
    return adviser if adviser.stamp == stamp else None


def _adviser(user: User, tenants: tuple[Tenant, ...] = ()) -> Adviser:
    stamp = hashlib.sha256(user.password_hash.encode()).hexdigest()[:16]
    return Adviser(user.id, user.name, user.language, stamp, tenants)


def _typed_account() -> str:
    return hashlib.sha256(reader.typed("email").lower().encode()).hexdigest()


def _missed(response: BaseResponse) -> bool:
    return response.status_code == MISSED


@accounts.route("/sign-in", methods=["GET", "POST"])
@limiter.limit("30 per 10 minutes", methods=["POST"], deduct_when=_missed)
@limiter.limit("8 per 10 minutes", methods=["POST"], key_func=_typed_account, deduct_when=_missed)
def sign_in() -> BaseResponse:
    """A wrong password and an unknown account get the same answer in the same time."""
    if current_user.is_authenticated and request.method == "GET":
        return redirect(url_for("desk.inbox"))
    form = SignInForm()
    if form.validate_on_submit():
        adviser = _recognise(reader.typed("email"), form.password.data)
        if adviser is not None:
            session.clear()  # nothing of the session before it survives, its CSRF token neither
            session.permanent = True
            login_user(adviser)
            return redirect(_inside(request.args.get("next", "")))
    page = render_template("sign_in.html", form=form, missed=form.is_submitted())
    return make_response(page, MISSED if form.is_submitted() else 200)


@accounts.post("/sign-out")
def sign_out() -> BaseResponse:
    logout_user()
    session.clear()
    answer = redirect(url_for("accounts.sign_in"))
    answer.headers["Clear-Site-Data"] = '"storage"'  # replies begun and not sent
    return answer


@accounts.post("/desk/tenant")
def choose_tenant() -> BaseResponse:
    """404 for a tenant that is not the adviser's."""
    chosen = request.form.get("tenant", type=int)
    if chosen not in {t.id for t in current_user.tenants}:
        abort(404)
    session["tenant"] = chosen
    return redirect(url_for("desk.inbox"))


def _recognise(email: str, password: str) -> Adviser | None:
    with transaction() as db:
        user = user_by_email(db, email)
        kept = user.password_hash if user else None
    if not check_password(kept, password) or user is None:  # no transaction waits for the hash
        return None
    with transaction() as db:
        found = db.get_one(User, user.id)
        found.signed_in_at = wall()
        if is_outdated(found.password_hash):
            found.password_hash = hash_password(password)
        return _adviser(found)


def _inside(target: str) -> str:
    """`target` when it is a page of ours, else the inbox: no link leads through us elsewhere."""
    parts = urlsplit(target.replace("\\", "/"))
    ours = target.startswith("/desk") and not parts.scheme and not parts.netloc
    return target if ours else url_for("desk.inbox")
