"""What an e-mail has beside its words: subject, HTML, threading, signature, a way out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from itsdangerous import BadSignature, URLSafeSerializer
from jinja2 import Environment, FileSystemLoader, Template

from bot import clock, vault
from bot.models.messages import Message
from bot.replies.render import speak, typeset
from bot.sending import SENDING
from bot.settings import settings
from bot.turn import Say, Tenant, Voice

ANSWERED = re.compile(r"^\s*(re|rép|aw|sv)\s*(\[\d+\])?\s*:", re.IGNORECASE)


@dataclass(frozen=True)
class Mail:
    subject: str
    text: str
    html: str
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    unsubscribe: tuple[str, ...] = ()


def compose(message: Message, answered: Message | None, tenant: Tenant, language: str) -> Mail:
    """The e-mail that carries `message`; `answered` is what it answers, if anything."""
    body = typeset(message.body, language)
    signature = [tenant.name, *([tenant.address] if tenant.address else [])]
    leave = _unsubscribe_url(message) if SENDING.get(message.kind) != "answer" else ""
    html = _page().render(
        language=language,
        paragraphs=[p.strip() for p in body.split("\n\n") if p.strip()],
        signature=signature,
        unsubscribe=leave,
        unsubscribe_words=_say("mail.unsubscribe", language, tenant),
    )
    text = "\n".join([body, "", "-- ", *signature])
    if leave:
        text += f"\n{_say('mail.unsubscribe', language, tenant)} : {leave}"
    thread = _thread(answered)
    return Mail(
        subject=_subject(message, tenant, language),
        text=text,
        html=html,
        in_reply_to=thread[-1] if thread else "",
        references=thread,
        unsubscribe=(leave,) if leave else (),
    )


def _subject(message: Message, tenant: Tenant, language: str) -> str:
    """The thread's own subject, as an answer; of our own accord, the kind's."""
    if own := message.extra.get("subject"):
        return str(own)
    asked = " ".join(message.subject.split())
    if asked:
        return asked if ANSWERED.match(asked) else f"Re: {asked}"
    return _say("mail.subject", language, tenant)


def _thread(answered: Message | None) -> tuple[str, ...]:
    """The Message-IDs of the thread, the one answered last."""
    if answered is None or not answered.extra.get("message_id"):
        return ()
    before = [r for r in str(answered.extra.get("references", "")).split() if r]
    own = str(answered.extra["message_id"])
    return (*[r for r in before if r != own][-20:], own)


def _say(key: str, language: str, tenant: Tenant) -> str:
    says = [Say(key, {"tenant": tenant})]
    return speak(says, language=language, voice=Voice(), now=clock.wall())


def _unsubscribe_url(message: Message) -> str:
    token = _signer().dumps([message.tenant_id, message.conversation_id])
    return f"{settings().base_url}/unsubscribe/{token}"


def read_unsubscribe(token: str) -> tuple[int, int] | None:
    """Whose conversation an unsubscribe link is of (tenant, conversation); None if forged."""
    try:
        tenant_id, conversation_id = _signer().loads(token)
    except (BadSignature, ValueError, TypeError):
        return None
    return int(tenant_id), int(conversation_id)


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(vault.session_key(), salt="unsubscribe")


@lru_cache
def _page() -> Template:
    folder = Path(__file__).parent / "replies"
    environment = Environment(loader=FileSystemLoader(folder), autoescape=True)
    return environment.get_template("mail.html")
