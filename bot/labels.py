"""Return labels: made once an order's line, kept as a file, handed out by a signed link.

Carriers of parcels know no idempotency key and no way back: a request that may have been carried
out is never sent again; a person looks at it.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from decimal import Decimal

from itsdangerous import BadData, URLSafeSerializer

from bot import clock
from bot.db import transaction
from bot.logs import log
from bot.media.store import media_store
from bot.models.effects import Effect, effect_for, plan_effect
from bot.models.labels import Label, label_for
from bot.settings import settings
from bot.shop import ReturnLabel
from bot.turn import Tenant
from bot.vault import session_key
from connectors import ports
from connectors.errors import OutcomeUnknown, Refused, Unavailable
from connectors.ports import LabelRequest, LabelSystem, Order, OrderLine, PostalAddress

WEIGHT_KG = Decimal("0.5")  # of a garment in its parcel; the carrier weighs it again


@dataclass(frozen=True)
class TenantLabels:
    """bot.shop.Labels for one tenant."""

    tenant: Tenant
    address: PostalAddress
    connection_id: int
    system: LabelSystem

    def make_label(self, order: Order, line: OrderLine, sender: PostalAddress) -> ReturnLabel:
        with transaction() as db:
            made = label_for(self.tenant.id, db, order.number, line.sku)
        if made is not None:
            return _hand_out(made)
        effect = self._begin(order, line, sender)
        if effect.state == "refused":
            raise Refused("the label was refused", code=effect.error)
        if effect.attempts > 0:
            raise OutcomeUnknown("a label may have been franked", code="LABEL_UNKNOWN")
        return _hand_out(self._make(effect, order, line))

    def _begin(self, order: Order, line: OrderLine, sender: PostalAddress) -> Effect:
        purpose = f"order:{order.number}:label:{line.sku}"
        request = self.system.prepare_label(
            LabelRequest(
                sender=sender,
                addressee=self.address,
                weight_kg=WEIGHT_KG,
                order_number=order.number,
                reference=f"{order.number}-{line.sku}",
                deposit_on=clock.now().astimezone(self.tenant.hours.zone).date(),
            )
        )
        with transaction() as db:
            now, by = clock.now(), self.connection_id
            plan_effect(self.tenant.id, db, "label", purpose, request, now, connection_id=by)
            found = effect_for(self.tenant.id, db, purpose)
            assert found is not None, "either we or another turn just wrote it"
            return found

    def _make(self, effect: Effect, order: Order, line: OrderLine) -> Label:
        if not _claim(effect):  # another turn is at it
            raise OutcomeUnknown("a label is being franked", code="LABEL_UNKNOWN")
        assert effect.request is not None
        try:
            label = self.system.make_label(effect.request)
        except OutcomeUnknown:
            raise  # it stays counted: another might be franked, and paid for
        except Unavailable:
            _save(effect, attempts=0)  # it was not taken: the next turn may ask again
            raise
        except Refused as error:
            _save(effect, state="refused", error=error.code or str(error))
            raise
        return self._keep(effect, order, line, label)

    def _keep(self, effect: Effect, order: Order, line: OrderLine, made: ports.Label) -> Label:
        key = f"{self.tenant.id}/{uuid.uuid4().hex}"
        media_store().put(key, made.content, made.content_type)
        with transaction() as db:
            row = Label(
                tenant_id=self.tenant.id,
                order_number=order.number,
                sku=line.sku,
                parcel_number=made.parcel_number,
                key=key,
                content_type=made.content_type,
                bytes=len(made.content),
                created_at=clock.now(),
            )
            db.add(row)
            stored = db.get_one(Effect, effect.id)
            stored.state, stored.done_at = "done", clock.now()
            stored.result = {"parcel_number": made.parcel_number}
            db.flush()
        log().info("label made", effect=effect.id, label=row.id)
        return row


def _claim(effect: Effect) -> bool:
    """Count the attempt before it is made: whoever finds it counted must not make another."""
    with transaction() as db:
        stored = db.get_one(Effect, effect.id, with_for_update=True)
        if stored.attempts or stored.state != "planned":
            return False
        stored.attempts = 1
        return True


def _save(effect: Effect, **values: object) -> None:
    with transaction() as db:
        stored = db.get_one(Effect, effect.id)
        for name, value in values.items():
            setattr(stored, name, value)


def read_link(token: str) -> tuple[int, int] | None:
    """The tenant and the label of a link of ours; None if forged."""
    try:
        tenant_id, label_id = _signer().loads(token)
    except (BadData, ValueError, TypeError):
        return None
    return int(tenant_id), int(label_id)


def _hand_out(row: Label) -> ReturnLabel:
    token = _signer().dumps([row.tenant_id, row.id])
    return ReturnLabel(f"{settings().base_url}/l/{token}", row.parcel_number)


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(session_key(), salt="label")
