"""A day's messages, each with what should happen and the facts of its answer.

The file is YAML, a list:

```yaml
- group: availability
  text: "la robe fleurie bleue en 38, vous l'avez ?"
  from: "+33645789012"
  facts: ["38", "2", "demain 18h"]      # all of them stand in the answer
```

Further keys: `via` (sms), `at`, `tenant`, `world`, `subject`, `authenticated` as in a rehearsal;
`handled` (auto), a level or a list of levels that will do; `in_draft: true` looks for the facts in
what is prepared for the adviser; `figures`: others that the answer may hold; `lacks`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError

from bot.rehearsal.expectations import fold
from bot.rehearsal.player import Result
from bot.rehearsal.reading import Unreadable, Written
from bot.rehearsal.script import Contact, Part, Rehearsal, Texts, Via

THURSDAY = "2025-01-16T11:00:00+01:00"
FIGURE = re.compile(r"\d+(?:[.,:h/]\d+)*")
LINK = re.compile(r"https?://\S+")
# Figures that say nothing of the question: the shop's address and hours, the two options
HARMLESS = frozenset("24 75004 10 19 1 2".split())


class Message(Part):
    group: str
    text: str
    sender: Contact = Field(alias="from")
    via: Via = "sms"
    at: AwareDatetime = Field(default=THURSDAY, validate_default=True)
    tenant: str = "elegance-paris"
    world: dict[str, Any] = Field(default_factory=dict)
    subject: str | None = None
    authenticated: bool = True
    handled: Texts = ("auto",)
    facts: Texts = ()
    figures: Texts = ()
    lacks: Texts = ()
    in_draft: bool = False


@dataclass(frozen=True)
class Verdict:
    """What became of one message. `wrong`: facts of the answer that nobody gave."""

    message: Message
    answer: str
    handled: bool
    wrong: tuple[str, ...]
    missing: tuple[str, ...]
    why: str

    @property
    def right(self) -> bool:
        return self.handled and not self.wrong and not self.missing


def read_day(path: Path) -> list[Message]:
    """Raises Unreadable."""
    try:
        return TypeAdapter(list[Message]).validate_python(yaml.safe_load(path.read_text("utf-8")))
    except OSError as error:
        raise Unreadable(path, 1, error.strerror or str(error)) from None
    except yaml.YAMLError as error:
        raise Unreadable(path, 1, str(error)) from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Unreadable(path, 1, f"{where}: {first['msg']}") from None


def as_rehearsal(message: Message, path: Path, number: int) -> Written:
    step: dict[str, Any] = {"customer": message.text, "via": message.via, "from": message.sender}
    if message.via == "email":
        step |= {"subject": message.subject or "", "authenticated": message.authenticated}
    rehearsal = Rehearsal.model_validate(
        {
            "name": f"{message.group}: {message.text[:60]}",
            "tenant": message.tenant,
            "clock": message.at,
            "world": message.world,
            "steps": [step],
        }
    )
    return Written(path, number, rehearsal, (number,), ())


def judge(message: Message, result: Result) -> Verdict:
    """By how it was handled, and by every figure and fact of what was answered."""
    if result.reasons or not result.steps:
        return Verdict(message, "", False, (), (), "; ".join(result.reasons))
    found = result.steps[0].found
    answer = _answer(message, found)
    levels = found["handled"]
    handled = any(level in message.handled for level in levels)
    folded = fold(answer)
    return Verdict(
        message=message,
        answer=answer,
        handled=handled,
        wrong=(*_strange_figures(message, answer), *_said(message.lacks, folded)),
        missing=tuple(fact for fact in message.facts if fold(fact) not in folded),
        why="" if handled else f"handled {', '.join(levels) or 'not at all'}",
    )


def _answer(message: Message, found: Mapping[str, Any]) -> str:
    if message.in_draft:
        return "\n".join(found["suggestion"])
    return "\n".join(reply["text"] for reply in found["replies"])


def _said(texts: Sequence[str], folded: str) -> tuple[str, ...]:
    return tuple(text for text in texts if fold(text) in folded)


def _strange_figures(message: Message, answer: str) -> tuple[str, ...]:
    """Figures of the answer that neither the facts nor the question hold."""
    given = " ".join((message.text, message.subject or "", *message.facts, *message.figures))
    known = {part for figure in FIGURE.findall(given) for part in re.findall(r"\d+", figure)}
    told = FIGURE.findall(LINK.sub("", answer))
    parts = [part for figure in told for part in re.findall(r"\d+", figure)]
    return tuple(dict.fromkeys(p for p in parts if p not in known | HARMLESS and p.strip("0")))


def tell_table(verdicts: Sequence[Verdict]) -> str:
    """A line a group, then the misses."""
    groups = list(dict.fromkeys(v.message.group for v in verdicts))
    lines = [f"{'group':24}{'messages':>10}{'as it should':>14}{'wrong facts':>13}"]
    for group in [*groups, "all"]:
        of = [v for v in verdicts if group in {v.message.group, "all"}]
        right, wrong = sum(v.right for v in of), sum(bool(v.wrong) for v in of)
        lines.append(f"{group:24}{len(of):>10}{right:>14}{wrong:>13}")
    for verdict in verdicts:
        if not verdict.right:
            lines += ["", f"{verdict.message.group}: {verdict.message.text}"]
            lines += [f"  answered: {verdict.answer!r}"]
            lines += [f"  {verdict.why}"] if verdict.why else []
            lines += [f"  missing: {', '.join(verdict.missing)}"] if verdict.missing else []
            lines += [f"  wrong: {', '.join(verdict.wrong)}"] if verdict.wrong else []
    return "\n".join(lines)
