"""Where rehearsals are played: a running stack (bot.stack), adopted by this process.

What the people and systems around the assistant do, and the clock.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import psutil
from rq import Worker
from sqlalchemy import func, select, update

from bot import clock, queue
from bot.db import engine, transaction
from bot.demo.load import SANDBOX_WORLD, door_of, load_world
from bot.demo.sandbox import describe_world
from bot.idle import wait_until_idle
from bot.models import Base
from bot.models.tenants import Connection
from bot.queue import QUEUES
from bot.rehearsal.script import Setting
from bot.rehearsal.setting import CannotPlay, furnish
from bot.settings import settings
from connectors.sandbox.client import SandboxWorld

PATIENCE = 30.0  # seconds for a step to come to rest
LONGEST_JOURNEY = 90.0  # seconds of ours for the clock to arrive
LOOK_EVERY = 0.02  # seconds
CONNECTED = datetime(2025, 1, 1, tzinfo=UTC)


def _sandbox() -> SandboxWorld:
    return SandboxWorld(settings().sandbox_url, SANDBOX_WORLD)


@dataclass(frozen=True)
class Stage:
    """`tenant_id` is whose conversation is played."""

    tenant_id: int
    sandbox: SandboxWorld = field(default_factory=_sandbox)

    def text(self, sender: str, body: str, *, to: str, replay: int = 1) -> None:
        """A text message arrives. Raises CannotPlay when our door does not take it."""
        answer = self.sandbox.text(sender=sender, recipient=to, body=body, replay=replay)
        _check(answer, "the message")

    def report(self, to: str, status: str, *, code: str = "", replay: int = 1) -> None:
        """The carrier reports on the last message sent there. Raises CannotPlay."""
        answer = self.sandbox.report(to=to, status=status, code=code, replay=replay)
        _check(answer, "the report")

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
            if time.monotonic() > end:
                raise CannotPlay(f"after {LONGEST_JOURNEY:.0f} s the clock is still on its way")
            time.sleep(LOOK_EVERY)
        self.settle()

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
    doors = {"sms_url": door_of(shop), "mail_url": door_of(shop, "resend")}
    sandbox.replace(describe_world(shop, **doors, reports=False))
    ids = {world.slug: load_world(world, sandbox, at) for world in worlds}
    _keep_adapters()
    if chosen.stock:
        sandbox.set_stock(chosen.stock)
    stage = Stage(ids[tenant], sandbox)
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


def _check(answer: dict[str, object], what: str) -> None:
    status = answer.get("status")
    if not isinstance(status, int) or status >= 300:
        raise CannotPlay(f"our door answered {status} to {what}")
