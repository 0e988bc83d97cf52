"""Everything hostile at once through the real doors, and what is left of it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import yaml
from sqlalchemy import func, select

from bot.db import transaction
from bot.demo import PASSWORD
from bot.idle import wait_until_idle
from bot.models.conversations import Conversation, Turn
from bot.models.customers import Customer, Identity
from bot.models.deliveries import Delivery
from bot.models.escalations import Escalation
from bot.models.messages import Message
from bot.models.reservations import Reservation
from bot.rehearsal.carried import Carried, list_carried
from bot.rehearsal.desk import TOKEN
from bot.rehearsal.stage import Stage
from bot.stack import Stack
from tests.hostile.letters import letters
from tests.house import JULIE, SHOP

CORPUS = Path(__file__).with_name("corpus.yaml")
CHANNELS = ("sms", "whatsapp", "email")
MAILBOX = "hello@elegance-paris.com"
PATIENCE = 400.0  # seconds until all of it is answered
KIND_HANDS = {"julie.mercier@gmail.com", JULIE}  # hers is the conversation that others join


@dataclass(frozen=True)
class Input:
    """One hostile thing; `answer` is what our door said to it."""

    name: str
    sender: str
    text: str
    answer: int


@dataclass(frozen=True)
class Aftermath:
    """What is to be seen afterwards. `pages` of the desk by path; `logged` what our processes
    said, a line each; `conversations`: of each customer's address the customers found in it."""

    inputs: tuple[Input, ...]
    carried: tuple[Carried, ...]
    mails: tuple[Mapping[str, Any], ...]
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    pages: Mapping[str, tuple[int, str]]
    logged: tuple[Mapping[str, Any], ...]
    unfinished: int
    reservations: int
    unread: tuple[str, ...]
    prepared: tuple[str, ...]
    strangers_in_hers: int


def read_corpus() -> Iterator[tuple[str, str]]:
    """(class and number, text)."""
    written = yaml.safe_load(CORPUS.read_text("utf-8"))
    for kind, texts in written.items():
        for number, text in enumerate(texts):
            whole = text if isinstance(text, str) else text["repeat"] * text["times"]
            yield f"{kind} {number}", whole


def lay_siege(stack: Stack, stage: Stage) -> Aftermath:
    """Post it all, wait until nothing is left to do, look at everything."""
    _welcome_julie(stage)
    before, logs = stage.sandbox.state(), _log_sizes(stack)
    inputs = (*_send_texts(stage), *_send_letters(stage), *_join_hers(stage, before))
    assert wait_until_idle(PATIENCE), "something is still being done"
    after = stage.sandbox.state()
    known = {m.id for m in list_carried(before)}
    with transaction() as db:
        waits = select(func.count()).select_from(Turn).where(Turn.finished_at.is_(None))
        unread = select(Delivery.error).where(Delivery.state.in_(("new", "failed")))
        facts = [
            json.dumps({k: v for k, v in f.items() if k != "text"}, default=str)
            for f in db.scalars(select(Escalation.facts))
        ]
        suggested = list(db.scalars(select(Escalation.suggestion)))
        drafts = list(db.scalars(select(Message.body).where(Message.state == "draft")))
        found = (
            db.scalar(waits) or 0,
            db.scalar(select(func.count()).select_from(Reservation)) or 0,
            tuple(db.scalars(unread)),
            tuple(t for t in (*facts, *suggested, *drafts) if t),
            _strangers_in_hers(stage, db),
        )
        ids = list(db.scalars(select(Conversation.id).order_by(Conversation.id)))
    return Aftermath(
        inputs,
        tuple(m for m in list_carried(after) if m.id not in known),
        tuple(m for m in after["mails"] if m["id"] not in known),
        before,
        after,
        _look_at_desk(stack, ids),
        tuple(_logged(stack, logs)),
        *found,
    )


def _welcome_julie(stage: Stage) -> None:
    """A conversation of her own, by e-mail, that others will try to join."""
    answer = stage.sandbox.mail(
        sender="julie.mercier@gmail.com", recipient=MAILBOX, subject="Bonjour", text="Bonjour !"
    )
    assert answer["status"] < 300
    assert wait_until_idle(PATIENCE)


def _send_texts(stage: Stage) -> Iterator[Input]:
    channels = itertools.cycle(CHANNELS)
    for number, (name, text) in enumerate(read_corpus()):
        for channel in ("sms", "email") if name.startswith("enormous") else (next(channels),):
            if channel == "email":
                sender = f"pirate.{number}@example.com"
                mail = {"sender": sender, "recipient": MAILBOX, "subject": "Bonjour", "text": text}
                answer = _post(stage.sandbox.mail, mail)
            else:
                sender = f"+33639981{number:03}"
                prefix = "whatsapp:" if channel == "whatsapp" else ""
                form = {"sender": prefix + sender, "recipient": prefix + SHOP, "body": text}
                answer = _post(stage.sandbox.text, form)
            yield Input(f"{name} by {channel}", sender, text, answer)


def _send_letters(stage: Stage) -> Iterator[Input]:
    for number, (name, given) in enumerate(letters().items()):
        sender = f"lettre.{number}@example.com"
        mail = {"sender": sender, "recipient": MAILBOX, "subject": "Bonjour"} | given
        answer = _post(stage.sandbox.mail, mail)
        text = f"{mail['subject']} {mail.get('text')} {mail.get('html')}"
        yield Input(name, mail["sender"], text, answer)


def _join_hers(stage: Stage, state: Mapping[str, Any]) -> Iterator[Input]:
    """Strangers answer in her thread, whose Message-IDs they have seen."""
    ours = state["mails"][-1]["message_id"]
    for number, text in enumerate(("Et ma commande ?", "annulez ma réservation", "Bonjour")):
        sender = f"intrus.{number}@example.com"
        mail = {
            "sender": sender,
            "recipient": MAILBOX,
            "subject": "Re: Bonjour",
            "text": text,
            "in_reply_to": ours,
            "references": ours,
        }
        answer = _post(stage.sandbox.mail, mail)
        yield Input(f"in her thread {number}", sender, text, answer)


def _post(post: Callable[..., dict[str, Any]], what: Mapping[str, Any]) -> int:
    """What our door answers. Where it does not in time, it is asked again, as vendors do."""
    for _ in range(3):
        status = post(**what)["answers"][-1].get("status")
        if status is not None:
            return int(status)
    raise TimeoutError(f"our door does not answer to {str(what)[:80]}")


def _strangers_in_hers(stage: Stage, db: Any) -> int:
    """Messages of others in Julie's conversations."""
    hers = (
        select(Conversation.id)
        .join(Customer, Customer.id == Conversation.customer_id)
        .join(Identity, Identity.customer_id == Customer.id)
        .where(Identity.value.in_(KIND_HANDS), Conversation.tenant_id == stage.tenant_id)
    )
    found = db.scalar(
        select(func.count(Message.id)).where(
            Message.conversation_id.in_(hers), Message.contact.not_in(KIND_HANDS)
        )
    )
    return int(found or 0)


def _look_at_desk(stack: Stack, ids: list[int]) -> dict[str, tuple[int, str]]:
    """Every thread, and the lists, as Sarah sees them: status and page."""
    http = requests.Session()
    http.trust_env = False  # no proxy stands between us and ourselves

    def get(path: str) -> requests.Response:
        return http.get(stack.url + path, timeout=30)

    token = TOKEN.search(get("/sign-in").text)
    assert token is not None
    given = {"csrf_token": token[1], "email": "sarah@elegance-paris.com", "password": PASSWORD}
    http.post(f"{stack.url}/sign-in", data=given, timeout=30).raise_for_status()
    lists = ("/desk/", "/desk/alerts", "/desk/notifications", "/desk/incidents")
    paths = (*lists, *(f"/desk/conversations/{one}" for one in ids))
    answers = {path: get(path) for path in paths}
    return {path: (answer.status_code, answer.text) for path, answer in answers.items()}


def _log_sizes(stack: Stack) -> dict[str, int]:
    return {part: stack.log(part).stat().st_size for part in ("web", "worker", "clock")}


def _logged(stack: Stack, sizes: Mapping[str, int]) -> Iterator[Mapping[str, Any]]:
    for part, size in sizes.items():
        with stack.log(part).open("rb") as log:
            log.seek(size)
            for line in log.read().decode("utf-8", "replace").splitlines():
                try:
                    told = json.loads(line)
                except ValueError:
                    told = {"event": line}
                yield {"part": part, **(told if isinstance(told, dict) else {"event": line})}
