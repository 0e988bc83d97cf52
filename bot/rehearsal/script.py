"""What a rehearsal says, as plain frozen data. The reader makes it of YAML.

A key that these classes do not name is one that this product cannot play yet: it is kept aside,
and fails the rehearsal by its name.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PositiveInt,
    Tag,
    model_validator,
)

OPENERS = ("customer", "wait", "shopify", "track", "status", "adviser", "accept", "system")
DURATION = re.compile(r"\+(\d+) ?(s|min|m|h|d|w)")
UNITS = {"s": "seconds", "min": "minutes", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def _phone(value: object) -> object:
    """A number written without quotes loses its plus sign in YAML."""
    return f"+{value}" if isinstance(value, int) and not isinstance(value, bool) else value


def _several(value: object) -> object:
    """One text stands for a list of one."""
    return [value] if isinstance(value, str | int | float) else value


def _ahead(value: object) -> object:
    """« +2h » as a duration."""
    if isinstance(value, str) and (found := DURATION.fullmatch(value.strip())):
        return timedelta(**{UNITS[found[2]]: int(found[1])})
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("expected a time (ISO 8601, or +2h, +7d)") from None
    return value


Contact = Annotated[str, BeforeValidator(_phone)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_several)]
System = Literal["shopify", "hubspot", "colissimo", "twilio", "resend", "openai", "orderdb"]
Systems = Annotated[tuple[System, ...], BeforeValidator(_several)]
Via = Literal["sms", "whatsapp", "email", "web"]


class Part(BaseModel):
    model_config = ConfigDict(
        extra="allow", frozen=True, coerce_numbers_to_str=True, populate_by_name=False
    )


# --- the world ---------------------------------------------------------------------------


class Shopper(Part):
    """A customer beside the demo's. `consent`: channels of commercial messages."""

    name: str
    phone: Contact = ""
    email: str = ""
    orders: int | None = None
    spent: str | None = None
    segment: str = ""
    size: str = ""
    consent: tuple[Via, ...] = ()


class Publication(Part):
    """A post; `sku` may also be a product's reference."""

    date: date
    sku: str
    caption: str = ""


class Rules(Part):
    reservation: Literal["auto", "ask"] | None = None
    voice: Literal["tu", "vous"] | None = None
    emoji: bool | None = None
    levels: dict[str, Literal["auto", "draft", "human", "both"]] = {}
    threshold: float | None = Field(default=None, ge=0, le=1)


Hours = tuple[str, str] | Literal["closed"]


class Opening(Part):
    monday: Hours | None = None
    tuesday: Hours | None = None
    wednesday: Hours | None = None
    thursday: Hours | None = None
    friday: Hours | None = None
    saturday: Hours | None = None
    sunday: Hours | None = None
    holidays: tuple[date, ...] = ()


class Setting(Part):
    """How things differ from the demo data."""

    stock: dict[str, int] = {}
    customers: tuple[Shopper, ...] = ()
    posts: tuple[Publication, ...] = ()
    policy: Rules = Rules()
    hours: Opening = Opening()
    holidays: tuple[date, ...] = ()
    down: Systems = ()


# --- what must follow --------------------------------------------------------------------


class MessageExpected(Part):
    via: Via | None = None
    to: Contact | None = None
    has: Texts = ()
    has_any: Texts = ()
    lacks: Texts = ()
    media: bool | None = None


class UnitsExpected(Part):
    available: int | None = None
    reserved: int | None = None
    committed: int | None = None
    on_hand: int | None = None


class Span(Part):
    start: AwareDatetime = Field(alias="from")
    end: AwareDatetime = Field(alias="to")


class ReservationExpected(Part):
    sku: str | None = None
    status: str | None = None
    until: AwareDatetime | None = None
    pickup: AwareDatetime | Span | None = None


class ReminderExpected(Part):
    kind: str | None = None
    at: AwareDatetime | None = None
    via: Via | None = None


class EscalationExpected(Part):
    reason: str | None = None
    priority: Literal["normal", "high"] | None = None
    has: Texts = ()


class SuggestionExpected(Part):
    has: Texts = ()
    lacks: Texts = ()


class NotificationExpected(Part):
    kind: str | None = None
    has: Texts = ()


class CustomerExpected(Part):
    orders: int | None = None
    spent: float | None = None
    name: str | None = None
    segment: str | None = None
    opted_out: bool | None = None


class Expect(Part):
    """What is not named (None) is not checked. `crm` and `label` can only say that nothing
    was done: this product does neither yet."""

    replies: tuple[MessageExpected, ...] | None = None
    sent: tuple[MessageExpected, ...] | None = None
    intents: Annotated[tuple[str, ...], BeforeValidator(_several)] | None = None
    entities: dict[str, Any] | None = None
    urgency: Literal["low", "normal", "high"] | None = None
    handled: Literal["auto", "draft", "human", "both"] | None = None
    stock: dict[str, UnitsExpected] | None = None
    reservations: tuple[ReservationExpected, ...] | None = None
    reminders: tuple[ReminderExpected, ...] | None = None
    escalations: tuple[EscalationExpected, ...] | None = None
    suggestion: SuggestionExpected | None = None
    notifications: tuple[NotificationExpected, ...] | None = None
    customer: CustomerExpected | None = None
    crm: tuple[dict[str, Any], ...] | None = None
    label: bool | None = None
    within: float | None = Field(default=None, gt=0)


# --- what happens ------------------------------------------------------------------------


class Step(Part):
    expect: Expect = Expect()


class CustomerStep(Step):
    """A message arrives. `companions` (`with`) are stored right behind it, before any is
    answered."""

    customer: str
    via: Via = "sms"
    sender: Contact = Field(alias="from")
    to: Contact | None = None
    replay: PositiveInt = 1
    companions: tuple[CustomerStep, ...] = Field((), alias="with")


class WaitStep(Step):
    wait: Annotated[timedelta | AwareDatetime, BeforeValidator(_ahead)]


class StatusStep(Step):
    status: Literal["delivered", "undelivered", "failed", "read"]
    code: str = ""
    replay: PositiveInt = 1


class AdviserStep(Step):
    """A text, or with `accept` the suggested reply as it is."""

    adviser: str | None = None
    accept: bool = False

    @model_validator(mode="after")
    def says_something(self) -> AdviserStep:
        if not self.accept and not (self.adviser or "").strip():
            raise ValueError("an adviser's step needs a text, or `accept: true`")
        return self


class SystemStep(Step):
    system: Literal["up", "down"]
    which: Systems


class UnknownStep(Step):
    """Opened by a key that cannot be played yet."""


def _opener(step: object) -> str:
    keys = step.keys() if isinstance(step, dict) else set[str]()
    opened = [key for key in OPENERS if key in keys]
    if "track" in opened:
        opened = [key for key in opened if key != "status"]  # there it is the parcel's
    if {"adviser", "accept"} <= set(opened):
        opened.remove("accept")
    if len(opened) != 1:
        return "none"
    kind = {"accept": "adviser", "shopify": "unknown", "track": "unknown"}.get(opened[0], opened[0])
    return f"a step: {kind}"  # stands in an error's place, where it must not look like a key


AnyStep = Annotated[
    Annotated[CustomerStep, Tag("a step: customer")]
    | Annotated[WaitStep, Tag("a step: wait")]
    | Annotated[StatusStep, Tag("a step: status")]
    | Annotated[AdviserStep, Tag("a step: adviser")]
    | Annotated[SystemStep, Tag("a step: system")]
    | Annotated[UnknownStep, Tag("a step: unknown")],
    Discriminator(
        _opener,
        custom_error_type="opener",
        custom_error_message=f"exactly one of {', '.join(OPENERS)} opens a step",
    ),
]


class Rehearsal(Part):
    name: str
    tenant: str
    clock: AwareDatetime
    world: Setting = Setting()
    steps: tuple[AnyStep, ...] = Field(min_length=1)
