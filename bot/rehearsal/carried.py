"""What carriers took from us, whatever the channel."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr
from typing import Any

from bot.rehearsal.script import Via


@dataclass(frozen=True)
class Carried:
    """A message of ours. `text` of an e-mail is its text part; `references` and `message_id`
    thread it; `sender` is who it is from, as the recipient sees it; `at` in seconds since the
    epoch, wall time."""

    id: str
    via: Via
    to: str
    sender: str
    text: str
    media: bool
    at: float
    subject: str = ""
    message_id: str = ""
    references: str = ""


def list_carried(state: Mapping[str, Any]) -> list[Carried]:
    """All of a sandbox world's, oldest first."""
    texts = [_text(m) for m in state["messages"] if m["direction"] != "inbound"]
    mails = [_mail(m) for m in state["mails"]]
    return sorted([*texts, *mails], key=lambda message: message.at)


def last_to(
    state: Mapping[str, Any], contacts: Collection[str], via: Via | None = None
) -> Carried | None:
    """The last one to any of these contacts, by this channel or any."""
    for message in reversed(list_carried(state)):
        if message.to in contacts and via in {None, message.via}:
            return message
    return None


def _text(message: Mapping[str, Any]) -> Carried:
    return Carried(
        id=message["sid"],
        via="whatsapp" if message["to"].startswith("whatsapp:") else "sms",
        to=message["to"].removeprefix("whatsapp:"),
        sender=str(message["from"] or "").removeprefix("whatsapp:"),
        text=message["body"],
        media=bool(message["media_urls"]) or int(message["num_media"]) > 0,
        at=datetime.fromisoformat(message["at"]).timestamp(),
    )


def _mail(mail: Mapping[str, Any]) -> Carried:
    headers = {name.lower(): value for name, value in mail["headers"].items()}
    return Carried(
        id=mail["id"],
        via="email",
        to=parseaddr(mail["to"][0])[1].lower(),
        sender=mail["from"],
        text=mail["text"] or "",
        media=bool(mail["attachments"]),
        at=datetime.fromisoformat(mail["at"]).timestamp(),
        subject=mail["subject"],
        message_id=mail["message_id"],
        references=headers.get("references", ""),
    )
