"""The desk as a member of staff uses it: by its pages."""

from __future__ import annotations

import re
from functools import lru_cache

import requests
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.db import transaction
from bot.demo import PASSWORD
from bot.models.conversations import Conversation
from bot.models.escalations import open_escalations
from bot.models.messages import Message
from bot.models.users import Membership, User
from bot.rehearsal.people import Person, customer_of
from bot.rehearsal.setting import CannotPlay
from bot.settings import settings

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
TIMEOUT = 10.0  # seconds


def answer(tenant_id: int, person: Person, text: str) -> None:
    """Write to the customer. Raises CannotPlay."""
    with transaction() as db:
        found = _conversation(tenant_id, db, person)
    _press(tenant_id, f"/desk/conversations/{found}/answer", text=text)


def accept(tenant_id: int, person: Person) -> None:
    """Send what was prepared for the customer, as it is. Raises CannotPlay."""
    with transaction() as db:
        found = _conversation(tenant_id, db, person)
        draft = db.scalar(
            select(Message.id).where(Message.conversation_id == found, Message.state == "draft")
        )
        suggested = [e.id for e in open_escalations(tenant_id, db, found) if e.suggestion]
    if draft is not None:
        _press(tenant_id, f"/desk/messages/{draft}/approve")
    elif suggested:
        _press(tenant_id, f"/desk/escalations/{suggested[0]}/send")
    else:
        raise CannotPlay("no suggested reply waits")


def _conversation(tenant_id: int, db: Session, person: Person) -> int:
    """The latest one with this customer."""
    customer = customer_of(tenant_id, db, person)
    found = db.scalar(
        select(Conversation.id)
        .where(Conversation.customer_id == (customer.id if customer else None))
        .order_by(Conversation.id.desc())
        .limit(1)
    )
    if found is None:
        raise CannotPlay(f"{person.contact} has no conversation")
    return found


def _press(tenant_id: int, path: str, **fields: str) -> None:
    """Click a button of the desk, signed in as one of the tenant's staff."""
    with transaction() as db:
        email, stamp = db.execute(
            select(User.email, User.password_hash)
            .join(Membership, Membership.user_id == User.id)
            .where(Membership.tenant_id == tenant_id)
            .order_by(User.id)
            .limit(1)
        ).one()
    http, token = _sign_in(email, stamp)
    pressed = http.post(
        settings().base_url + path,
        data={"csrf_token": token, **fields},
        headers={"X-Live": "1"},
        timeout=TIMEOUT,
    )
    if pressed.status_code != requests.codes.no_content:
        raise CannotPlay(f"the desk answered {pressed.status_code} to {path}")


@lru_cache
def _sign_in(email: str, stamp: str) -> tuple[requests.Session, str]:
    """A session and its CSRF token, kept while the account stays the same (`stamp`)."""
    http = requests.Session()
    http.trust_env = False  # no proxy stands between us and ourselves
    page = f"{settings().base_url}/sign-in"
    http.post(
        page,
        data={"csrf_token": _token(http, page), "email": email, "password": PASSWORD},
        allow_redirects=False,
        timeout=TIMEOUT,
    )
    return http, _token(http, f"{settings().base_url}/desk/")


def _token(http: requests.Session, page: str) -> str:
    found = TOKEN.search(http.get(page, timeout=TIMEOUT, allow_redirects=False).text)
    if found is None:
        raise CannotPlay(f"{page} has no form for us")
    return found[1]
