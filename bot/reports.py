"""What carriers report of messages on their way: taken together, for there are more of them than
of messages. What asks for more than noting it (a failure, a STOP) goes the ordinary way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from bot import clock
from bot.logs import log
from bot.models.deliveries import Delivery, finish_deliveries
from bot.models.messages import (
    Progress,
    find_reported,
    goes_forward,
    lock_progress,
    save_progress,
)
from connectors.channels import InboundMessage, StatusReport
from connectors.ports import StoreEvent


@dataclass(frozen=True)
class Reported:
    delivery: Delivery
    report: StatusReport


def as_plain_report(
    delivery: Delivery, events: Sequence[InboundMessage | StatusReport | StoreEvent]
) -> Reported | None:
    """The delivery as one that may be taken with others."""
    if len(events) != 1 or not isinstance(events[0], StatusReport):
        return None
    report = events[0]
    return None if report.stops or report.state == "failed" else Reported(delivery, report)


def apply_reports(db: Session, reported: Sequence[Reported]) -> None:
    """Move the messages reported on forward and finish the deliveries."""
    message_ids = _message_ids(db, reported)
    now = clock.now()
    before = lock_progress(db, message_ids.values())
    after = dict(before)
    why: dict[int, str] = {}
    for each in reported:
        found = after.get(message_ids.get(each.delivery.id, 0))
        why[each.delivery.id] = _ignored(each, found)
        if found is None or why[each.delivery.id]:
            continue
        report = each.report
        moved = goes_forward(found.state, report.state)
        after[found.id] = found._replace(
            provider_id=report.provider_id,
            state=report.state if moved else found.state,
            code=(moved and report.code) or found.code,
            sent_at=found.sent_at or (now if moved else None),
        )
        if moved:
            log().info("message reported", message=found.id, state=report.state, code=report.code)
    save_progress(db, [p for p in after.values() if p != before[p.id]])
    finish_deliveries(db, why)
    for reason in filter(None, why.values()):
        log().warning("ignored", reason=reason)


def _message_ids(db: Session, reported: Sequence[Reported]) -> Mapping[int, int]:
    """Delivery -> the message that it reports on, where there is one."""
    nameless = [r for r in reported if r.report.message_id is None]
    pairs = {(r.delivery.connection_id, r.report.provider_id) for r in nameless}
    by_carrier = find_reported(db, pairs) if pairs else {}
    found = {r.delivery.id: r.report.message_id for r in reported if r.report.message_id}
    for each in nameless:
        delivery = each.delivery
        if named := by_carrier.get((delivery.connection_id, each.report.provider_id)):
            found[delivery.id] = named
    return found


def _ignored(reported: Reported, found: Progress | None) -> str:
    """Why the report is ignored, or ""."""
    delivery = reported.delivery
    here = (delivery.tenant_id, delivery.connection_id)
    if found is None or (found.tenant_id, found.connection_id) != here or found.direction != "out":
        return "report on no message of ours"
    if found.provider_id not in {None, reported.report.provider_id}:
        return "report on another message"
    return ""
