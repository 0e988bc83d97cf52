"""Something received that is to be another size, or to go back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta

from bot.flows.availability import take_other
from bot.flows.finding import find_line, find_order, reference_of, waiting
from bot.flows.handover import hand_over
from bot.flows.orders import about, change, remember
from bot.flows.outcomes import merge
from bot.flows.reservations import pickup_for
from bot.shop import Held, ReturnLabel
from bot.turn import (
    AddNote,
    Cancel,
    Escalate,
    Keep,
    Notice,
    OpenReturn,
    OpenTicket,
    Outcome,
    Remind,
    Say,
    Turn,
)
from connectors.errors import ConnectorError, Unavailable
from connectors.ports import Money, Order, OrderLine, PostalAddress, Product, Variant

REMIND_AT = time(10)  # of the day before what is put aside goes back on the shelf
POST_REMINDER = timedelta(days=3)  # then who has not sent the parcel is asked whether they did


def exchange(turn: Turn) -> Outcome:
    """Another size, colour or article for one received; of what is put aside, another size."""
    if not turn.understanding.entities.order_numbers and turn.reservations:
        other = take_other(turn)
        if not any(e.reason == "exchange_request" for e in other.escalations):
            return other
    found = _bought(turn, "exchange_request")
    if isinstance(found, Outcome):
        return found
    order, line = found
    product = _wanted_product(turn, line)
    if product is None:
        return hand_over(turn, "exchange_request")
    if _wants_refund_only(turn):
        return give_back(turn)
    variant = _wanted_variant(turn, product, line)
    if variant is None:
        return _ask_size(turn, order, line, product)
    return _exchange_for(turn, order, line, product, variant)


def give_back(turn: Turn) -> Outcome:
    """One's own item is to go back and be refunded."""
    found = _bought(turn, "return_request")
    if isinstance(found, Outcome):
        return found
    order, line = found
    label = _label(turn, order, line)
    facts = {
        **about(turn, order),
        "line": line,
        "until": _last_day(turn, order),
        "label": label.url if label else "",
        "by_post": _sender(turn, order) is not None,
        "tenant": turn.tenant,
    }
    key = f"order:{order.number}:return:{line.sku}"
    return Outcome(
        say=(Say("return.offer", facts),),
        remember=remember(turn, order),
        changes=(
            OpenTicket(key, "return", {"order": order.number, "line": line, "text": turn.text}),
        ),
        notices=(_notice("return_prepared", turn, order, line),),
    )


def choose(turn: Turn) -> Outcome:
    """One of the two ways of exchanging. Who says when they come has chosen the shop."""
    entities = turn.understanding.entities
    choice = entities.choice or (1 if entities.pickup_time else None)
    open_one = turn.memory.get("exchange") or {}
    if choice not in {1, 2} or not open_one:
        return Outcome(say=(Say("exchange.which_way"),), asks="exchange_option")
    held = next((r for r in turn.reservations if r.id == open_one.get("reservation")), None)
    facts = {
        "other": "",
        **open_one,
        "tenant": turn.tenant,
        "until": held.until if held else None,
    }
    if choice == 2:
        return _by_post(turn, open_one, facts)
    say = Say("exchange.in_shop", facts)
    notice = Notice("exchange_chosen", {"customer": turn.customer, **facts, "by_post": False})
    reminders: tuple[Remind, ...] = ()
    if held is not None:
        at = datetime.combine(held.until.date() - timedelta(days=1), REMIND_AT, turn.now.tzinfo)
        if at > turn.now:
            reminders = (Remind("exchange_reminder", at, held.id, {"by_post": False}),)
    note = AddNote(f"{turn.id}:exchange", "exchange_in_shop", {"order": open_one["order"]})
    chosen = Outcome(say=(say,), changes=(*reminders, note), notices=(notice,))
    if held is None or entities.pickup_time is None:
        return merge([chosen, Outcome(say=(Say("pickup.when"),), asks="pickup_time")])
    covered = frozenset({"reservation_pickup"})
    return merge([chosen, replace(pickup_for(turn, [held]), covers=covered)])


def give_up(turn: Turn) -> Outcome:
    """They keep what they have: the unit goes back."""
    open_one = turn.memory.get("exchange") or {}
    held = [r for r in turn.reservations if r.id == open_one.get("reservation")]
    return Outcome(
        say=(Say("exchange.given_up"),),
        changes=tuple(Cancel(r.id) for r in held),
        remember={"exchange": None},
        notices=(Notice("exchange_given_up", {"customer": turn.customer, **open_one}),)
        if open_one
        else (),
    )


def _by_post(turn: Turn, open_one: dict[str, object], facts: dict[str, object]) -> Outcome:
    changes: list[OpenReturn | Remind | AddNote] = [
        AddNote(f"{turn.id}:exchange", "exchange_by_post", {"order": open_one["order"]})
    ]
    if open_one.get("line_id"):
        changes.append(
            OpenReturn(
                str(open_one["order_id"]),
                str(open_one["line_id"]),
                1,
                f"Échange : {turn.text}"[:200],
            )
        )
    held = open_one.get("reservation")
    at = datetime.combine((turn.now + POST_REMINDER).date(), REMIND_AT, turn.now.tzinfo)
    if held:
        changes.append(Remind("exchange_reminder", at, int(str(held)), {"by_post": True}))
    notice = Notice(
        "exchange_chosen", {"customer": turn.customer, **facts, "by_post": True}, needs_action=True
    )
    by_hand: tuple[Escalate, ...] = ()
    if not open_one.get("label"):  # as of what was bought in the shop: nobody knew where from
        told = {"text": turn.text, "order": open_one["order"], "label": True}
        by_hand = (Escalate("exchange_request", "normal", told),)
    return Outcome(
        say=(Say("exchange.by_post", facts),),
        changes=tuple(changes),
        notices=(notice,),
        escalations=by_hand,
    )


def _bought(turn: Turn, intent: str) -> tuple[Order, OrderLine] | Outcome:
    """The order and the article, if the policy lets it come back; or what to say."""
    if turn.shop.orders is None:
        return hand_over(turn, intent)
    order = find_order(turn, turn.shop.orders, intent)
    if isinstance(order, Outcome):
        return order
    if order.state in ("placed", "preparing", "shipped"):
        # Before the parcel has come, wanting something else is a change
        return replace(change(turn), instead="order_change")
    if order.state in ("cancelled", "returned") or not order.lines:
        return hand_over(turn, intent)
    line = find_line(turn, order)
    if isinstance(line, Outcome):
        return replace(line, remember={**line.remember, **remember(turn, order), "pending": intent})
    last = _last_day(turn, order)
    if turn.now.date() > last:
        facts = {**about(turn, order), "line": line, "days": turn.policies.return_days}
        return Outcome(
            say=(Say("exchange.too_late", {**facts, "since": _received_on(order)}),),
            remember=remember(turn, order),
            notices=(_notice("exchange_refused", turn, order, line),),
            needs_approval=False,
        )
    return order, line


def _received_on(order: Order) -> date:
    return (order.delivered_at or order.placed_at).date()


def _last_day(turn: Turn, order: Order) -> date:
    return _received_on(order) + timedelta(days=turn.policies.return_days)


def _wants_refund_only(turn: Turn) -> bool:
    return "return_request" in turn.understanding.intents


def _wanted_product(turn: Turn, line: OrderLine) -> Product | None:
    """Another product, when they name one beside what they bought; else the same."""
    bought = reference_of(turn, line.sku)
    mentioned = [
        ref for mention in turn.understanding.entities.products for ref in mention.references[:1]
    ]
    others = [ref for ref in mentioned if ref != bought]
    return turn.shop.product(others[-1] if others else bought)


def _wanted_variant(turn: Turn, product: Product, line: OrderLine) -> Variant | None:
    if product.one_size:
        return product.variants[0]
    sizes = [s for s in turn.understanding.entities.sizes if product.variant(s) is not None]
    other = [
        s for s in sizes if s != line.size or reference_of(turn, line.sku) != product.reference
    ]
    if not other and reference_of(turn, line.sku) != product.reference:
        other = [line.size] if line.size else []
    return product.variant(other[-1]) if other else None


def _ask_size(turn: Turn, order: Order, line: OrderLine, product: Product) -> Outcome:
    stock = turn.shop.inventory.read_stock(product.variants) if turn.shop.inventory else {}
    there = [
        v.size
        for v in product.variants
        if v.size and v.size != line.size and v.sku in stock and stock[v.sku].available > 0
    ]
    asked = waiting(Say("exchange.which_size", {"line": line, "sizes": there}), "size")
    waits = {"pending": "exchange_request", "left": there}
    return replace(asked, remember={**remember(turn, order), **waits})


def _exchange_for(
    turn: Turn, order: Order, line: OrderLine, product: Product, variant: Variant
) -> Outcome:
    held = _put_aside(turn, product, variant)
    if held is None:
        return _sold_out(turn, order, line, product, variant)
    reservation_id, until, kept = held
    label = _label(turn, order, line)
    open_one = {
        "order": order.number,
        "order_id": order.id,
        "line_id": line.id,
        "line": line,
        "wanted": variant.size,
        "title": product.title,
        "other": "" if product.reference == reference_of(turn, line.sku) else product.title,
        "reservation": reservation_id,
        "label": label.url if label else "",
        "fee": turn.policies.exchange_by_post,
    }
    facts = {
        **open_one,
        "until": until,
        "article": product,
        "tenant": turn.tenant,
        **_difference(line, variant),
    }
    key = f"order:{order.number}:exchange:{line.sku}:{variant.sku}"
    done = Outcome(
        say=(Say("exchange.options", facts),),
        asks="exchange_option",
        remember={**remember(turn, order), "exchange": open_one},
        changes=(
            *kept,
            *_instead(turn, reservation_id),
            OpenTicket(key, "exchange", {**open_one, "text": turn.text, "until": until}),
        ),
        notices=(
            Notice(
                "exchange_opened",
                {"customer": turn.customer, **open_one, **_difference(line, variant)},
            ),
        ),
        covers=frozenset({"product_availability", "reservation_create", "return_request"}),
    )
    if label is None and _sender(turn, order) is not None:
        return merge([done, _label_missing(turn, order)])
    return done


def _difference(line: OrderLine, variant: Variant) -> dict[str, object]:
    """What the new article costs more, or less, than the one that comes back."""
    paid, costs = line.price, variant.price
    if paid is None or costs is None or paid.currency != costs.currency:
        return {"dearer": None, "cheaper": None}
    more = costs.amount - paid.amount
    return {
        "dearer": Money(more, paid.currency) if more > 0 else None,
        "cheaper": Money(-more, paid.currency) if more < 0 else None,
    }


def _instead(turn: Turn, reservation_id: int) -> tuple[Cancel, ...]:
    """What was put aside for this exchange before they changed their mind goes back."""
    before = (turn.memory.get("exchange") or {}).get("reservation")
    held = {r.id for r in turn.reservations}
    return (Cancel(before),) if before in held and before != reservation_id else ()


def _put_aside(
    turn: Turn, product: Product, variant: Variant
) -> tuple[int, datetime, tuple[Keep, ...]] | None:
    """The unit for the exchange: the one that is put aside already, or a new one; None when
    there is none."""
    already = next((r for r in turn.reservations if r.sku == variant.sku), None)
    if already is not None:
        return already.id, already.until, ()
    if turn.shop.holds is None or turn.shop.inventory is None:
        raise Unavailable("nothing can be put aside: no inventory is connected")
    day = turn.now.date() + timedelta(days=turn.policies.exchange_hold_days)
    until = datetime.combine(day, time.fromisoformat(turn.policies.hold_until), turn.now.tzinfo)
    stock = turn.shop.inventory.read_stock([variant])
    available = stock[variant.sku].available if variant.sku in stock else 0
    if available <= 0:
        return None
    held = turn.shop.holds.put_aside(product, variant, 1, available, until)
    if not isinstance(held, Held):
        return None
    return held.reservation_id, until, (Keep(held.reservation_id),)


def _sold_out(
    turn: Turn, order: Order, line: OrderLine, product: Product, variant: Variant
) -> Outcome:
    assert turn.shop.inventory is not None
    stock = turn.shop.inventory.read_stock(product.variants)
    others = [
        v.size
        for v in product.variants
        if v.size and v.size != line.size and v.sku in stock and stock[v.sku].available > 0
    ]
    facts = {"article": product, "size": variant.size, "others": others, "line": line}
    return Outcome(
        say=(Say("exchange.sold_out", facts),),
        asks="size" if others else None,
        remember={**remember(turn, order), "pending": "exchange_request", "left": others},
        notices=(_notice("exchange_sold_out", turn, order, line, wanted=variant.size),),
    )


def _label(turn: Turn, order: Order, line: OrderLine) -> ReturnLabel | None:
    """The return label; None where no parcel is to be sent, or it could not be made."""
    sender = _sender(turn, order)
    if turn.shop.labels is None or sender is None:
        return None
    try:
        return turn.shop.labels.make_label(order, line, sender)
    except ConnectorError:  # the answer says so, and a person sees to it
        return None


def _sender(turn: Turn, order: Order) -> PostalAddress | None:
    """Where the parcel comes from; of what was bought in the shop nobody knows."""
    return order.address


def _label_missing(turn: Turn, order: Order) -> Outcome:
    facts = {"text": turn.text, "order": order.number}
    return Outcome(escalations=(Escalate("exchange_request", "normal", {**facts, "label": True}),))


def _notice(
    kind: str, turn: Turn, order: Order, line: OrderLine, *, wanted: str | None = None
) -> Notice:
    return Notice(
        kind,
        {"customer": turn.customer, "order": order.number, "line": line, "wanted": wanted},
    )
