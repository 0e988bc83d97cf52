"""Where rehearsals are played: a running stack (bot.stack), adopted by this process.

What the people and systems around the assistant do, and the clock.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psutil
from rq import Worker
from sqlalchemy import func, select, update

from bot import clock, queue
from bot.db import engine, transaction
from bot.demo.load import SANDBOX_WORLD, door_of, load_world, mail_doors
from bot.demo.sandbox import describe_world
from bot.idle import wait_until_idle
from bot.models import Base
from bot.models.tenants import Connection, Tenant
from bot.queue import QUEUES
from bot.rehearsal import mailbox
from bot.rehearsal.carried import last_to
from bot.rehearsal.files import pack
from bot.rehearsal.people import Person
from bot.rehearsal.script import CustomerStep, Setting, Situation, StoreStep, TrackStep
from bot.rehearsal.setting import CannotPlay, furnish
from bot.settings import settings
from connectors.sandbox.client import SandboxWorld

PATIENCE = 30.0  # seconds for a step to come to rest
LONGEST_JOURNEY = 90.0  # seconds of ours for the clock to arrive
LOOK_EVERY = 0.02  # seconds
CONNECTED = datetime(2025, 1, 1, tzinfo=UTC)

# What a step's status is in Resend's words, and where its `code` then stands
MAIL_EVENTS = {
    "delivered": ("delivered", ""),
    "undelivered": ("bounced", "bounce"),
    "failed": ("failed", "failed"),
    "read": ("opened", ""),
    "complained": ("complained", ""),
}
BOUNCES = frozenset({"Permanent", "Transient", "Undetermined"})


def _sandbox() -> SandboxWorld:
    return SandboxWorld(settings().sandbox_url, SANDBOX_WORLD)


@dataclass(frozen=True)
class Stage:
    """`tenant_id` is whose conversation is played."""

    tenant_id: int
    sandbox: SandboxWorld = field(default_factory=_sandbox)
    told_time: dict[str, timedelta] = field(default_factory=dict)

    def text(self, sender: str, body: str, *, to: str, replay: int = 1) -> None:
        """A text message arrives. Raises CannotPlay when our door does not take it."""
        answer = self.sandbox.text(sender=sender, recipient=to, body=body, replay=replay)
        _check(answer, "the message")

    def write(self, step: CustomerStep, person: Person, to: str) -> None:
        """The step's message arrives, by its own door. Raises CannotPlay."""
        if step.via == "email":
            state = self.sandbox.state()
            last = last_to(state, {person.contact}, "email")
            answer = self.sandbox.mail(**mailbox.compose(step, to, last, self._local_time()))
        else:
            answer = self.sandbox.text(**_form(step, person, to))
        _check(answer, "the message")

    def report(
        self, contacts: Collection[str], status: str, *, code: str = "", replay: int = 1
    ) -> None:
        """Their carrier reports on the last message to any of them. Raises CannotPlay."""
        last = last_to(self.sandbox.state(), contacts)
        if last is None:
            raise CannotPlay(f"no message was sent to {', '.join(sorted(contacts))}")
        if last.via != "email":
            if status == "complained":
                raise CannotPlay("only a mailbox reports complaints")
            told = {"message_sid": last.id, "status": status, "code": code}
            answer = self.sandbox.report(**told, replay=replay)
        else:
            event, detail = MAIL_EVENTS[status]
            more = {detail: _mail_detail(detail, code)} if detail and code else {}
            answer = self.sandbox.mail_report(email_id=last.id, event=event, replay=replay, **more)
        _check(answer, "the report")

    def _local_time(self) -> datetime:
        with transaction() as db:
            zone = db.get_one(Tenant, self.tenant_id).timezone
        return clock.now().astimezone(ZoneInfo(zone))

    def track(self, number: str, situation: Situation | TrackStep) -> None:
        """The carrier knows this of a parcel now."""
        expected = situation.expected
        told = {"expected": expected.isoformat()} if expected else {}
        self.sandbox.set_parcel(number, status=situation.status, **told)

    def tell_store(self, step: StoreStep) -> None:
        """It happens in the store, which tells our door. Raises CannotPlay."""
        answer = self.sandbox.store_webhook(step.shopify, _plain(step.payload), step.replay)
        _check(answer["answers"][-1], f"the store's {step.shopify}")

    def settle(self) -> None:
        """Wait until nothing is due or being done. Raises CannotPlay."""
        if not wait_until_idle(PATIENCE):
            raise CannotPlay(f"after {PATIENCE:.0f} s something is still being done")

    def move_clock(self, to: datetime | timedelta) -> None:
        """Whatever falls due on the way happens. Raises CannotPlay."""
        now = clock.now()
        target = now + to if isinstance(to, timedelta) else to
        if target < now:
            raise CannotPlay(f"the clock does not go back: it is {now:%Y-%m-%d %H:%M:%S}")
        clock.aim_clock(target)
        end = time.monotonic() + LONGEST_JOURNEY
        while clock.target() is not None:
            self.keep_time()
            if time.monotonic() > end:
                raise CannotPlay(f"after {LONGEST_JOURNEY:.0f} s the clock is still on its way")
            time.sleep(LOOK_EVERY)
        self.keep_time()
        self.settle()

    def keep_time(self) -> None:
        """The vendors' clock is ours: WhatsApp's 24 hours go by it. While ours moves theirs
        is at most a moment behind, which forbids nothing that we may do."""
        moved_by = clock.moved_by()
        if self.told_time.get("moved_by") != moved_by:
            self.sandbox.set_clock(moved_by.total_seconds())
            self.told_time["moved_by"] = moved_by

    def break_down(self, systems: Sequence[str]) -> None:
        for system in systems:
            self.sandbox.fail(system, "down")

    def repair(self, systems: Sequence[str]) -> None:
        for system in systems:
            self.sandbox.heal(system)


def set_stage(tenant: str, at: datetime, setting: Setting | None = None) -> Stage:
    """The demo's world as `setting` changes it, and the clock at `at`. Ids begin anew.

    Raises CannotPlay.
    """
    chosen = setting or Setting()
    worlds = furnish(tenant, chosen)
    _clear()
    clock.set_clock(at)
    sandbox = _sandbox()
    shop = next(world for world in worlds if "twilio" in world.raw["connections"])
    others = (world for world in worlds if world is not shop)
    described = describe_world(
        shop,
        door_of(shop),
        mail_url=door_of(shop, "resend"),
        mail_doors=mail_doors(others),
        shop_url=door_of(shop, "shopify"),
        reports=False,
    )
    sandbox.replace(described)
    ids = {world.slug: load_world(world, sandbox, at) for world in worlds}
    _keep_adapters()
    if chosen.stock:
        sandbox.set_stock(chosen.stock)
    stage = Stage(ids[tenant], sandbox)
    stage.keep_time()
    for number, situation in chosen.tracking.items():
        stage.track(number, situation)
    stage.break_down(chosen.down)
    return stage


def _clear() -> None:
    """Forget everything; the workers and the clock stay, and what they know of ids holds."""
    wait_until_idle(2.0)
    for name in QUEUES:
        queue.queue(name).empty()  # type: ignore[no-untyped-call]  # RQ left it without
    tables = [
        table for table in Base.metadata.sorted_tables if table.autoincrement_column is not None
    ]
    with engine().begin() as connection:
        # Not TRUNCATE: it would wait for, and be waited for by, who reads several tables
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(table.delete())
        restarted = (
            func.setval(func.pg_get_serial_sequence(t.name, "id"), 1, False) for t in tables
        )
        connection.execute(select(*restarted))


def _keep_adapters() -> None:
    """Connections are the same in every rehearsal; so that processes take them for the same
    and go on with what they opened (which is slow), they always changed at the same time."""
    with transaction() as db:
        db.execute(update(Connection).values(updated_at=CONNECTED))


@contextmanager
def workers_held() -> Iterator[None]:
    """Nothing is answered inside the block: what comes in waits, in order, for its end.

    The processes are halted, for RQ's own suspension lets an idle worker take one job more.
    """
    pids = [worker.pid for worker in Worker.all(connection=queue.redis())]
    held = [psutil.Process(pid) for pid in pids if pid is not None and _is_worker(pid)]
    for process in held:
        process.suspend()
    try:
        yield
    finally:
        for process in held:
            process.resume()


def _is_worker(pid: int) -> bool:
    """Whether this is one of our workers: the queue remembers killed ones for a while."""
    try:
        return "bot.worker" in psutil.Process(pid).cmdline()
    except psutil.NoSuchProcess:
        return False


def _form(step: CustomerStep, person: Person, to: str) -> dict[str, Any]:
    """What the sandbox's Twilio is told of a text message or one by WhatsApp."""
    prefix = "whatsapp:" if step.via == "whatsapp" else ""
    form: dict[str, Any] = {
        "sender": f"{prefix}{person.contact}",
        "recipient": f"{prefix}{to}",
        "body": step.customer,
        "replay": step.replay,
    }
    if step.media:
        form["media"] = [{k: v for k, v in m.items() if k != "name"} for m in pack(step.media)]
    if prefix and not person.contact.startswith("+"):
        form["external_user_id"] = person.contact
    if step.button:
        form |= {"button": step.button, "button_text": step.customer}
    if step.location is not None:
        form |= step.location.model_dump(exclude_defaults=True)
    return form


def _plain(value: Any) -> Any:
    """YAML's times as JSON has them."""
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value.isoformat() if isinstance(value, date) else value


def _mail_detail(detail: str, code: str) -> Mapping[str, str]:
    """How Resend tells why: `code` is a kind of bounce, or what is under one."""
    if detail == "failed":
        return {"reason": code}
    return {"type": code} if code in BOUNCES else {"subType": code}


def _check(answer: dict[str, object], what: str) -> None:
    status = answer.get("status")
    if not isinstance(status, int) or status >= 300:
        raise CannotPlay(f"our door answered {status} to {what}")
