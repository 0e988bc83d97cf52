"""The inbox: conversations, the latest first."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import phonenumbers
from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, tuple_, union
from sqlalchemy.orm import Session

from bot.models.conversations import Conversation, Turn
from bot.models.customers import Customer, Identity
from bot.models.escalations import Escalation
from bot.models.messages import Message

PAGE = 30
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Folded in SQL too: extensions such as unaccent are not everywhere.
ACCENTS, PLAIN = "àâäáãåçéèêëîïíìñôöóòõùûüúÿ", "aaaaaaceeeeiiiinooooouuuuy"

Show = Literal["all", "todo", "active"]
Status = Literal[
    "alert",
    "to_answer",
    "to_approve",
    "answering",
    "answered",
    "adviser",
    "seen",
    "undelivered",
    "withheld",
    "closed",
]


@dataclass(frozen=True)
class Row:
    """One conversation of the list; `excerpt` is the beginning of what was said last."""

    id: int
    name: str
    contact: str
    segment: str
    channel: str
    at: datetime
    author: str
    excerpt: str
    status: Status


@dataclass(frozen=True)
class Page:
    rows: tuple[Row, ...]
    older: str | None  # the cursor of the next page


def read_inbox(
    tenant_id: int,
    db: Session,
    show: Show = "all",
    words: str = "",
    before: tuple[datetime, int] | None = None,
    *,
    quiet_since: datetime = EPOCH,
) -> Page:
    """A page of the tenant's conversations in one query, by index but for `words`. A
    conversation that has been quiet since `quiet_since` is not active any more: it is closed
    when its customer writes again."""
    chosen = _choose(tenant_id, show, words.strip(), quiet_since)
    if before is not None:
        place = tuple_(Conversation.last_message_at, Conversation.id)
        chosen = chosen.where(place < tuple_(*before))
    chosen = chosen.limit(PAGE + 1)
    rows = db.execute(_with_last_words(chosen)).all()
    shown = tuple(_row(row) for row in rows[:PAGE])
    return Page(shown, _cursor(shown[-1]) if len(rows) > PAGE else None)


def count_to_do(tenant_id: int, db: Session) -> int:
    """Conversations in which the team has something to do."""
    waiting = _waiting(tenant_id).subquery()
    return db.scalar(select(func.count()).select_from(waiting)) or 0


def fold(words: str) -> str:
    """Lower case, without accents."""
    apart = unicodedata.normalize("NFD", words.lower())
    return "".join(c for c in apart if not unicodedata.combining(c))


def _choose(tenant_id: int, show: Show, words: str, quiet_since: datetime) -> Select[Any]:
    query = select(Conversation).where(Conversation.tenant_id == tenant_id)
    if show == "todo":
        query = query.where(Conversation.id.in_(_waiting(tenant_id)))
    elif show == "active":
        query = query.where(
            Conversation.state == "open", Conversation.last_message_at > quiet_since
        )
    if words:
        query = query.where(Conversation.customer_id.in_(_customers_called(tenant_id, words)))
    return query.order_by(Conversation.last_message_at.desc(), Conversation.id.desc())


def _waiting(tenant_id: int) -> Any:
    return union(
        select(Escalation.conversation_id).where(
            Escalation.tenant_id == tenant_id, Escalation.state == "open"
        ),
        select(Message.conversation_id).where(
            Message.tenant_id == tenant_id, Message.state == "draft"
        ),
    )


def _customers_called(tenant_id: int, words: str) -> Any:
    folded = func.translate(
        func.lower(Customer.first_name + " " + Customer.last_name), ACCENTS, PLAIN
    )
    by_name = select(Customer.id).where(
        Customer.tenant_id == tenant_id, folded.contains(fold(words), autoescape=True)
    )
    return union(
        by_name,
        select(Identity.customer_id).where(Identity.tenant_id == tenant_id, _contact_like(words)),
    )


def _contact_like(words: str) -> ColumnElement[bool]:
    """A phone as people write it, whole or in part, or an e-mail address."""
    like = [Identity.value.contains(words.lower(), autoescape=True)]
    digits = "".join(c for c in words if c.isdigit())
    if len(digits) >= 4 and not any(c.isalpha() for c in words):
        try:
            number = phonenumbers.parse(words, "FR")
            like.append(
                Identity.value
                == phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            )
        except phonenumbers.NumberParseException:
            pass  # a part of a number: looked for as digits
        like.append(and_(Identity.kind == "phone", Identity.value.contains(digits.lstrip("0"))))
    return or_(*like)


def _with_last_words(chosen: Select[Any]) -> Select[Any]:
    page = chosen.subquery()
    c = page.c
    last = (
        select(Message)
        .where(Message.conversation_id == c.id, Message.state != "draft")
        .order_by(Message.id.desc())
        .limit(1)
        .lateral("last_message")
    )
    urgent = (
        select(func.bool_or(Escalation.priority == "high"))
        .where(Escalation.conversation_id == c.id, Escalation.state == "open")
        .scalar_subquery()
    )
    draft = exists().where(Message.conversation_id == c.id, Message.state == "draft")
    turning = exists().where(Turn.conversation_id == c.id, Turn.finished_at.is_(None))
    return (
        select(
            c.id,
            c.state,
            c.last_message_at,
            c.answer_after,
            Customer.first_name,
            Customer.last_name,
            Customer.profile["segment"].astext.label("segment"),
            last.c.channel,
            last.c.contact,
            last.c.author,
            last.c.direction,
            last.c.subject,
            func.left(last.c.body, 240).label("body"),
            last.c.state.label("message_state"),
            urgent.label("urgent"),
            draft.label("draft"),
            turning.label("turning"),
        )
        .select_from(page)
        .join(Customer, Customer.id == c.customer_id)
        .outerjoin(last, last.c.conversation_id == c.id)
        .order_by(c.last_message_at.desc(), c.id.desc())
    )


def _row(row: Any) -> Row:
    return Row(
        id=row.id,
        name=f"{row.first_name} {row.last_name}".strip(),
        contact=row.contact or "",
        segment=row.segment or "",
        channel=row.channel or "",
        at=row.last_message_at,
        author=row.author or "",
        excerpt=" ".join((row.body or row.subject or "").split())[:160],
        status=_status(row),
    )


def _status(row: Any) -> Status:
    if row.urgent is not None:
        return "alert" if row.urgent else "to_answer"
    if row.draft:
        return "to_approve"
    if row.answer_after is not None or row.turning:
        return "answering"
    if row.message_state == "failed":
        return "undelivered"
    if row.message_state == "withheld":
        return "withheld"
    if row.state == "closed":
        return "closed"
    if row.author == "adviser":
        return "adviser"
    return "answered" if row.direction == "out" else "seen"


def _cursor(row: Row) -> str:
    return f"{(row.at - EPOCH) // timedelta(microseconds=1)}.{row.id}"


def read_cursor(cursor: str) -> tuple[datetime, int] | None:
    """The last message's time and the id of the conversation after which a page begins;
    None when it is none of ours."""
    found = re.fullmatch(r"(\d{1,17})\.(\d{1,18})", cursor)
    if found is None:
        return None
    return EPOCH + timedelta(microseconds=int(found[1])), int(found[2])
