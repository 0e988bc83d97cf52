"""Units moved in the shop's stock, once each, whatever dies on the way.

A hold or release first has its row, with the exact request and its idempotency key, then is
sent; a second run sends the identical request, which the shop's system carries out once.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot import clock
from bot.db import transaction
from bot.logs import log
from bot.models.base import Json
from bot.models.effects import Effect, effect_for
from bot.models.reservations import Reservation
from bot.shop import Held, SoldOut
from connectors.errors import NeedsNewKey, OutcomeUnknown, Refused, Stale, Unavailable
from connectors.ports import InventorySystem, Money, Move, Product, Variant

QUICK = 3  # tries after which a vendor that asks for a short pause is given a longer one
TRIES = 6  # how often a hold is asked again while others take from the same stock


@dataclass(frozen=True)
class TurnHolds:
    """bot.shop.Holds for one turn."""

    tenant_id: int
    turn_id: int
    conversation_id: int
    customer_id: int
    connection_id: int
    inventory: InventorySystem

    def put_aside(
        self, product: Product, variant: Variant, quantity: int, available: int, until: datetime
    ) -> Held | SoldOut:
        effect = self._begin(product, variant, quantity, until)
        assert effect.reservation_id is not None
        for _ in range(TRIES):
            if effect.state == "done":
                break
            if effect.request is None:
                if available < quantity:
                    _refuse(effect, "sold out")
                    return SoldOut(max(available, 0))
                move = _move("hold", variant.sku, variant.ref, quantity, effect.reservation_id)
                _prepare(effect, self.inventory, move, available)
            try:
                self._send(effect)
            except Stale:
                _forget_request(effect)
                stock = self.inventory.read_stock([variant])
                available = stock[variant.sku].available if variant.sku in stock else 0
            except NeedsNewKey:
                _renew_key(effect)
            except Refused as error:
                _refuse(effect, error.code or str(error))
                raise
        if effect.state != "done":
            raise Unavailable("the stock keeps moving", code="STALE")
        return Held(effect.reservation_id, effect.result["left"])

    def _begin(self, product: Product, variant: Variant, quantity: int, until: datetime) -> Effect:
        """The hold's rows: found again after a crash, begun anew after a refusal."""
        purpose = f"turn:{self.turn_id}:hold:{variant.sku}"
        with transaction() as db:
            found = effect_for(self.tenant_id, db, purpose)
            if found is not None and found.state != "refused":
                return found
            if found is not None:
                db.delete(found)
                db.flush()
            now = clock.now()
            reservation = Reservation(
                tenant_id=self.tenant_id,
                customer_id=self.customer_id,
                conversation_id=self.conversation_id,
                turn_id=self.turn_id,
                sku=variant.sku,
                reference=product.reference,
                title=product.title,
                size=variant.size,
                unit={"ref": variant.ref, **_price(variant.price)},
                quantity=quantity,
                state="pending",
                until=until,
                created_at=now,
            )
            db.add(reservation)
            db.flush()
            effect = Effect(
                tenant_id=self.tenant_id,
                connection_id=self.connection_id,
                reservation_id=reservation.id,
                kind="hold",
                purpose=purpose,
                key=uuid.uuid4(),
                state="planned",
                result={},
                attempts=0,
                next_try_at=now,
                created_at=now,
            )
            db.add(effect)
            return effect

    def _send(self, effect: Effect) -> None:
        """Send it; once more, identically, when the first answer did not come."""
        assert effect.request is not None
        try:
            self.inventory.send_move(effect.request, str(effect.key))
        except OutcomeUnknown:
            self.inventory.send_move(effect.request, str(effect.key))
        _done(effect)


def release(effect: Effect, inventory: InventorySystem) -> None:
    """Carry out a planned release. Raises Unavailable (later) or Refused (final)."""
    with transaction() as db:
        assert effect.reservation_id is not None
        reservation = db.get_one(Reservation, effect.reservation_id)
        hold = effect_for(
            effect.tenant_id, db, f"turn:{reservation.turn_id}:hold:{reservation.sku}"
        )
    if hold is not None and hold.state == "planned":
        if hold.request is None:  # never sent
            _refuse(hold, "undone")
        else:  # learn what became of it by sending the same again
            try:
                inventory.send_move(hold.request, str(hold.key))
                _done(hold)
            except (Stale, NeedsNewKey):
                _refuse(hold, "undone")
    if hold is not None and hold.state == "refused":
        _done(effect)
        return
    if effect.request is None:
        move = _move(
            "release",
            reservation.sku,
            reservation.unit["ref"],
            reservation.quantity,
            reservation.unit.get("held_as", reservation.id),
        )
        _prepare(effect, inventory, move, None)
    assert effect.request is not None
    try:
        inventory.send_move(effect.request, str(effect.key))
    except NeedsNewKey:
        _renew_key(effect)
        inventory.send_move(effect.request, str(effect.key))
    _done(effect)


def _move(kind: str, sku: str, ref: str, quantity: int, reservation_id: int) -> Json:
    return {
        "kind": kind,
        "sku": sku,
        "ref": ref,
        "quantity": quantity,
        "reference": f"reservation-{reservation_id}",
    }


def _price(price: Money) -> Json:
    return {"amount": str(price.amount), "currency": price.currency}


def _prepare(effect: Effect, inventory: InventorySystem, move: Json, available: int | None) -> None:
    request = inventory.prepare_move(Move(**move, expected_available=available))
    left = {} if available is None else {"left": available - move["quantity"]}
    _agree(effect, request=request, result=left, attempts=effect.attempts + 1)


def _forget_request(effect: Effect) -> None:
    _agree(effect, request=None, key=uuid.uuid4())


def _renew_key(effect: Effect) -> None:
    _agree(effect, key=uuid.uuid4(), attempts=effect.attempts + 1)


def _agree(effect: Effect, **values: object) -> None:
    """Change what is sent, unless another process did: it may hold the same turn, or claim the
    same release, if we were slow. Then what it wrote counts for both, so that no two requests
    are made of one."""
    with transaction() as db:
        stored = db.get_one(Effect, effect.id, with_for_update=True)
        if (stored.key, stored.request is None) == (effect.key, effect.request is None):
            for name, value in values.items():
                setattr(stored, name, value)
        for name in ("request", "key", "state", "result", "attempts"):
            setattr(effect, name, getattr(stored, name))


def _done(effect: Effect) -> None:
    _save(effect, state="done", done_at=clock.now(), claimed_until=None)
    log().info("effect done", effect=effect.id, kind=effect.kind)


def _refuse(effect: Effect, why: str) -> None:
    """It did not and will not happen: a reservation never promised is undone."""
    _save(effect, state="refused", error=why, claimed_until=None)
    with transaction() as db:
        reservation = db.get_one(Reservation, effect.reservation_id)
        if effect.kind == "hold" and reservation.state == "pending":
            reservation.state, reservation.ended_at = "undone", clock.now()
    log().info("effect refused", effect=effect.id, kind=effect.kind, why=why)


def _save(effect: Effect, **values: object) -> None:
    """Commit the change and keep our copy the same."""
    with transaction() as db:
        stored = db.get_one(Effect, effect.id)
        for name, value in values.items():
            setattr(stored, name, value)
            setattr(effect, name, value)


def plan_release(reservation: Reservation, connection_id: int | None, now: datetime) -> Effect:
    """The row of a release, to be added in the transaction that ends the reservation."""
    return Effect(
        tenant_id=reservation.tenant_id,
        connection_id=connection_id,
        reservation_id=reservation.id,
        kind="release",
        purpose=f"reservation:{reservation.id}:release",
        key=uuid.uuid4(),
        state="planned",
        result={},
        attempts=0,
        next_try_at=now,
        created_at=now,
    )


def pause_before(attempt: int, asked: float | None = None) -> timedelta:
    """Between tries of the same thing: a minute, doubling to half an hour. The first times, what
    the vendor `asked` for, in seconds, will do: it is busy, not down."""
    if asked is None:
        return timedelta(seconds=min(30 * 2**attempt, 1800))
    if attempt <= QUICK:
        return timedelta(seconds=asked)
    return max(timedelta(seconds=asked), pause_before(attempt - QUICK))
