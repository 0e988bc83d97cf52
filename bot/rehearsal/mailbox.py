"""How a customer's mail program writes: an answer in the thread with ours quoted under it,
or a new mail."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from textwrap import fill
from typing import Any

from babel.dates import format_datetime

from bot.rehearsal.carried import Carried
from bot.rehearsal.files import pack
from bot.rehearsal.script import CustomerStep

ANSWERS = re.compile(r"^(\s*(re|rép|tr|aw|fwd?)\s*:)+\s*", re.IGNORECASE)
WIDTH = 76  # columns at which such programs break the line above a quote


def compose(step: CustomerStep, to: str, last: Carried | None, at: datetime) -> dict[str, Any]:
    """The mail for the sandbox's `mail`. `last` is our last one to this sender, `at` when it
    is quoted to have come: they answer it unless the step names another subject."""
    mail = {
        "sender": step.sender,
        "recipient": to,
        "subject": step.subject or "",
        "text": step.customer,
        "attachments": pack(step.attachments),
        "authenticated": step.authenticated,
        "headers": dict(step.headers),
        "replay": step.replay,
    }
    if last is not None and _is_answer(step, last):
        mail |= _answer(step, last, at)
    return mail


def _is_answer(step: CustomerStep, last: Carried) -> bool:
    return step.subject is None or _bare(step.subject) == _bare(last.subject)


def _answer(step: CustomerStep, last: Carried, at: datetime) -> Mapping[str, Any]:
    when = format_datetime(at, "EEE d MMM y 'à' HH:mm", locale="fr")
    intro = fill(f"Le {when}, {last.sender} a écrit :", WIDTH, break_long_words=False)
    quoted = "\n".join(f"> {line}".rstrip() for line in last.text.splitlines())
    return {
        "subject": step.subject or f"Re: {ANSWERS.sub('', last.subject)}",
        "text": f"{step.customer}\n\n{intro}\n\n{quoted}\n",
        "in_reply_to": last.message_id,
        "references": f"{last.references} {last.message_id}".strip(),
    }


def _bare(subject: str) -> str:
    """Without what an answer or a forwarded mail has before it."""
    return ANSWERS.sub("", subject).strip().casefold()
