"""The stack that is to be shaken, with the demo's shop in it on all channels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from bot import clock
from bot.db import transaction
from bot.demo.load import SANDBOX_WORLD, door_of, load_world
from bot.demo.sandbox import describe_world
from bot.demo.world import World, read_world
from bot.models.tenants import Address, Connection
from bot.settings import settings
from bot.stack import Stack, adopted, open_stack
from bot.vault import encrypt
from connectors.sandbox.client import SandboxWorld
from tests.chaos.channels import MAILBOX, PHONE
from tests.chaos.customers import PLENTY

MONDAY = datetime.fromisoformat("2025-01-13T10:15:00+01:00")
RETRIES = "#rc=3&rp=all"  # what docs/operations.md tells to put after Twilio's webhook URL
MAIL = {"api_key": "re_chaos", "webhook_secret": "whsec_Y2hhb3MtY2hhb3MtY2hhb3MtY2hhb3M="}

# Shorter than anyone would have them, so that what a dead process held is free soon;
# a lease outlives several calls of a vendor that does not answer, as it must
SETTINGS = {"lease_seconds": 8, "vendor_timeout_seconds": 1.5, "sweep_seconds": 1, "web_threads": 8}


@contextmanager
def open_stage(folder: Path) -> Iterator[Stack]:
    """A stack with durable writes, adopted by this process, on a Monday at 10:15."""
    with (
        open_stack(folder, workers=2, demo=True, fsync=True, **SETTINGS) as stack,
        adopted(stack.env),
    ):
        clock.set_clock(MONDAY)
        _furnish(open_sandbox())
        yield stack


def open_sandbox() -> SandboxWorld:
    """A client of its own for each thread."""
    return SandboxWorld(settings().sandbox_url, SANDBOX_WORLD)


def _furnish(sandbox: SandboxWorld) -> None:
    world = read_world("elegance-paris")
    sandbox.replace(_describe(world))
    sandbox.set_stock(PLENTY)
    tenant_id = load_world(world, sandbox, MONDAY)
    _connect_mail(tenant_id, sandbox)


def _describe(world: World) -> dict[str, Any]:
    document = describe_world(world, door_of(world) + RETRIES, reports=True)
    document["twilio"]["retries"] = True
    document["mail"] = {
        **MAIL,
        "url": f"{settings().base_url}/webhooks/resend/chaos",
        "report": True,
        "domains": [MAILBOX.rpartition("@")[2]],
        "rate": 10,
    }
    return document


def _connect_mail(tenant_id: int, sandbox: SandboxWorld) -> None:
    """WhatsApp and e-mail, beside what the demo has."""
    with transaction() as db:
        twilio = db.query(Connection).filter_by(tenant_id=tenant_id, vendor="twilio").one()
        text = db.query(Address).filter_by(tenant_id=tenant_id, channel="sms").one()
        db.query(Connection).filter_by(tenant_id=tenant_id, vendor="resend").delete()
        db.query(Address).filter_by(tenant_id=tenant_id).filter(Address.channel != "sms").delete()
        resend = Connection(
            tenant_id=tenant_id,
            vendor="resend",
            key="chaos",
            base_url=sandbox.vendor_url("resend"),
            settings={},
            secrets=encrypt(MAIL),
            updated_at=MONDAY,
        )
        db.add(resend)
        db.flush()
        for channel, value, connection in (
            ("whatsapp", PHONE, twilio),
            ("email", MAILBOX, resend),
        ):
            db.add(
                Address(
                    tenant_id=tenant_id,
                    deployment_id=text.deployment_id,
                    connection_id=connection.id,
                    channel=channel,
                    value=value,
                    created_at=MONDAY,
                )
            )
