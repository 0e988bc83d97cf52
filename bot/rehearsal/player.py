"""Plays one rehearsal on the stack that this process has adopted."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from sqlalchemy import select

from bot.db import transaction
from bot.models.tenants import Address
from bot.rehearsal import desk
from bot.rehearsal.expectations import Difference, compare
from bot.rehearsal.findings import Mark, find, mark
from bot.rehearsal.people import Person, contacts_of, customer_of, sender_of
from bot.rehearsal.reading import Written
from bot.rehearsal.script import (
    AdviserStep,
    AnyStep,
    CustomerStep,
    Expect,
    StatusStep,
    StoreStep,
    SystemStep,
    TrackStep,
    WaitStep,
)
from bot.rehearsal.setting import CannotPlay
from bot.rehearsal.stage import Stage, set_stage, workers_held

NOBODY = Person("")


@dataclass(frozen=True)
class Played:
    """One step: what was found and what differs. `title` says in words what happened in it."""

    line: int
    title: str
    seconds: float
    found: Mapping[str, Any]
    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class Result:
    """`reasons` say why the rehearsal was not played, or not to its end."""

    path: str
    line: int
    name: str
    seconds: float
    steps: tuple[Played, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.reasons and not any(step.differences for step in self.steps)


def play(written: Written) -> Result:
    """Set the stage, play every step, compare. Never raises for what a rehearsal says."""
    began = time.monotonic()
    steps: list[Played] = []
    reasons = list(written.unsupported)
    if not reasons:
        try:
            _play_steps(written, steps)
        except CannotPlay as problem:
            reasons.append(str(problem))
        except requests.RequestException as problem:
            said = "" if problem.response is None else problem.response.text
            reasons.append(f"{problem} {said}".strip())
    return Result(
        path=str(written.path),
        line=written.line,
        name=written.rehearsal.name,
        seconds=round(time.monotonic() - began, 3),
        steps=tuple(steps),
        reasons=tuple(reasons),
    )


def _play_steps(written: Written, played: list[Played]) -> None:
    """Adds each step to `played`. Raises CannotPlay, named by the step it happened in."""
    rehearsal = written.rehearsal
    stage = set_stage(rehearsal.tenant, rehearsal.clock, rehearsal.world)
    act = Act(stage)
    for line, step in zip(written.lines, rehearsal.steps, strict=True):
        title = describe(step)
        began = time.time()
        since = mark(stage, began)
        try:
            act.perform(step)
            stage.settle()
        except CannotPlay as problem:
            raise CannotPlay(f"line {line}, {title}: {problem}") from None
        played.append(_judge(act, step, since, line, title))


def _judge(act: Act, step: AnyStep, since: Mark, line: int, title: str) -> Played:
    seconds = round(time.time() - since.began, 3)
    found = find(act.stage, since, act.customer)
    differences = compare(step.expect, found)
    for other, expect in _expected_of_others(step):
        differences += compare(expect, find(act.stage, since, other))
    return Played(line, title, seconds, found, tuple(differences))


def _expected_of_others(step: AnyStep) -> list[tuple[Person, Expect]]:
    """What companions' own `expect` say of their senders."""
    companions = step.companions if isinstance(step, CustomerStep) else ()
    return [(sender_of(c), c.expect) for c in companions if c.expect.model_fields_set]


def _by(step: CustomerStep) -> str:
    return "" if step.via == "sms" else f" ({step.via})"


def describe(step: AnyStep) -> str:
    """A step in a few words."""
    match step:
        case CustomerStep():
            return f"customer {step.sender}{_by(step)}: {step.customer!r}"
        case WaitStep():
            return f"wait: {step.wait}"
        case StatusStep():
            return f"status: {step.status}"
        case AdviserStep():
            return f"adviser: {step.adviser!r}" if step.adviser else "adviser accepts"
        case SystemStep():
            return f"system {step.system}: {', '.join(step.which)}"
        case TrackStep():
            return f"track {step.track}: {step.status}"
        case StoreStep():
            return f"shopify: {step.shopify}"


@dataclass
class Act:
    """What was done so far. `customer` is the sender of the latest customer step."""

    stage: Stage
    customer: Person = NOBODY
    addresses: dict[str, str] = field(default_factory=dict)

    def perform(self, step: AnyStep) -> None:
        """Do it; whatever follows is not waited for. Raises CannotPlay."""
        match step:
            case CustomerStep(companions=()):
                self._say(step)
            case CustomerStep():
                with workers_held():
                    for each in (step, *step.companions):
                        self._say(each)
            case WaitStep(wait=to):
                self.stage.move_clock(to)
            case StatusStep():
                self.stage.report(self._contacts(), step.status, code=step.code, replay=step.replay)
            case AdviserStep(accept=True):
                desk.accept(self.stage.tenant_id, self._known_customer())
            case AdviserStep(adviser=text):
                desk.answer(self.stage.tenant_id, self._known_customer(), text or "")
            case SystemStep(system="down"):
                self.stage.break_down(step.which)
            case SystemStep():
                self.stage.repair(step.which)
            case TrackStep():
                self.stage.track(step.track, step)
            case StoreStep():
                self.stage.tell_store(step)

    def _say(self, step: CustomerStep) -> None:
        self.customer = sender_of(step)
        self.stage.write(step, self.customer, step.to or self._address(step.via))

    def _known_customer(self) -> Person:
        if self.customer == NOBODY:
            raise CannotPlay("no customer has written yet")
        return self.customer

    def _contacts(self) -> set[str]:
        person = self._known_customer()
        with transaction() as db:
            return contacts_of(db, person, customer_of(self.stage.tenant_id, db, person))

    def _address(self, via: str) -> str:
        """The tenant's only address of that channel. Raises CannotPlay."""
        if via not in self.addresses:
            with transaction() as db:
                query = select(Address.value).where(
                    Address.tenant_id == self.stage.tenant_id, Address.channel == via
                )
                values = list(db.scalars(query))
            if len(values) != 1:
                raise CannotPlay(f"the tenant has {len(values)} addresses for {via}: say `to`")
            self.addresses[via] = values[0]
        return self.addresses[via]
