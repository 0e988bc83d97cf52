"""Whether a product can be had, and putting it aside."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, time

from bot.flows.finding import orders_at_hand, reference_of
from bot.flows.handover import hand_over
from bot.flows.outcomes import merge
from bot.flows.products import Wish, order_sizes, read_wishes, replaced_by
from bot.flows.questions import SURE, quote
from bot.flows.reservations import pickup_for
from bot.shop import Held, SoldOut
from bot.turn import Cancel, Keep, Notice, Outcome, Reservation, Say, SetPickup, Turn
from connectors.errors import Unavailable
from connectors.ports import Product, Stock, Variant

# What they ask of a product -> the words that ask for it
ASKED_FACTS = {
    "price": re.compile(r"combien|\bprix\b|co[uû]te|\bcher|tarif|how much|price|cost", re.I),
    "material": re.compile(
        r"mati[èe]re|tissu|compos|\bcuir|coton|\bsoie|laine|lin\b|polyester|viscose|nickel|"
        r"made of|material|fabric|leather|cotton|silk|wool",
        re.I,
    ),
    "care": re.compile(
        r"\blav|machine|repass|entret|nettoy|pressing|s[èe]ch|wash|\biron|dry clean|take care", re.I
    ),
}

FEW = 2  # articles put aside of which each is told on its own

# How it falls, of which the catalogue knows nothing
FIT = re.compile(
    r"taill\w* (?:petit|grand|normal|comment|comme)|(?:petit|grand) ou|coupe\b|ample|cintr|moulant|"
    r"longueur|doubl[ée]e?\b|poches?\b|transparen|\bfit\b|runs? (?:small|large)|true to size",
    re.I,
)

COVERED = frozenset({"product_availability", "reservation_create", "product_inquiry"})


def look_up(turn: Turn) -> Outcome:
    """A question: by policy a unit is put aside at once, or offered. A size told because we
    asked for it is a request."""
    at_once = turn.policies.reservation == "auto" or turn.asked == "size"
    return _each(turn, lambda wish: _answer(turn, wish, at_once))


def reserve(turn: Turn) -> Outcome:
    """An explicit request: no offer is needed. Without a size, the one just spoken of."""
    offered = turn.memory.get("offer") or {}

    def answer(wish: Wish) -> Outcome:
        if not wish.sizes and offered.get("product") == wish.product.reference:
            wish = replace(wish, sizes=tuple(s for s in (offered.get("size"),) if s))
        return _answer(turn, wish, put_aside=True)

    return _each(turn, answer)


def inquire(turn: Turn) -> Outcome:
    """A fact of the product."""
    return _each(turn, lambda wish: _describe(turn, wish))


def take_other(turn: Turn) -> Outcome:
    """Another size instead of what is put aside, or offered; of something they bought it is
    a person's to exchange."""
    entities = turn.understanding.entities
    spoken_of = {r.reference for r in turn.reservations}
    if turn.asked in {"reservation_offer", "pickup_time", "size"}:
        spoken_of.add(turn.memory.get("product", ""))
    named = {ref for mention in entities.products for ref in mention.references}
    if entities.order_numbers or not spoken_of or (named and not named & spoken_of):
        return hand_over(turn, "exchange_request")
    return reserve(turn)


def accept_offer(turn: Turn) -> Outcome:
    """Yes to "shall I put it aside?": the article offered, or the size named with the yes."""
    offered = turn.memory.get("offer", {})
    product = turn.shop.product(offered.get("product", ""))
    if product is None:
        return Outcome(say=(Say("product.which"),), asks="clarification")
    sizes = turn.understanding.entities.sizes or (offered.get("size"),)
    return _answer(turn, Wish(product, tuple(s for s in sizes if s)), put_aside=True)


def or_offer_again(flow: Callable[[Turn], Outcome]) -> Callable[[Turn], Outcome]:
    """The flow; but of what is no longer put aside, that it is over, and the article again."""

    def answer(turn: Turn) -> Outcome:
        lapsed = _lapsed(turn)
        return flow(turn) if lapsed is None else _offer_again(turn, lapsed)

    return answer


def _lapsed(turn: Turn) -> Wish | None:
    """What was put aside in this conversation until a time that is past, and not bought."""
    held = turn.memory.get("held")
    if not held or turn.reservations or turn.now < datetime.fromisoformat(held["until"]):
        return None
    product = turn.shop.product(held["product"])
    if product is None or held["sku"] in _bought(turn):
        return None
    return Wish(product, (held["size"],) if held["size"] else ())


def _offer_again(turn: Turn, lapsed: Wish) -> Outcome:
    product, size = lapsed.product, next(iter(lapsed.sizes), None)
    variant = product.variant(size)
    stock = _read_stock(turn, product)
    there = variant is not None and stock[variant.sku].available > 0
    facts = {"article": product, "size": size, "until": held_until(turn), "spare": there}
    over = Outcome(
        say=(Say("reservation.over", facts),),
        covers=frozenset({"reservation_pickup", "reservation_extend", "reservation_status"}),
    )
    if variant is None:
        return over
    if not there:
        return merge([over, _sold_out(turn, product, variant, stock)])
    offer = {"product": product.reference, "size": size}
    return replace(over, asks="reservation_offer", remember={"offer": offer})


def held_until(turn: Turn) -> datetime:
    """The policy's end of a hold asked for now."""
    day = turn.tenant.hours.next_opening_day(turn.now.date(), turn.policies.hold_days)
    return datetime.combine(
        day, time.fromisoformat(turn.policies.hold_until), turn.tenant.hours.zone
    )


def _each(turn: Turn, answer: Callable[[Wish], Outcome]) -> Outcome:
    wishes = read_wishes(turn)
    if isinstance(wishes, Outcome):
        return replace(wishes, covers=COVERED)
    if not any(w.sizes for w in wishes) and turn.memory.get("sizes"):
        wishes = [replace(w, sizes=tuple(turn.memory["sizes"])) for w in wishes]
    answered = [(wish, answer(wish)) for wish in wishes]
    answered.sort(key=lambda one: one[1].asks not in {None, "pickup_time"})
    outcome = merge([_leave_when(o) if _asks_of_size(answered) else o for _, o in answered])
    outcome = replace(outcome, say=_tell_together(outcome.say))
    remember = {
        **outcome.remember,
        "product": answered[-1][0].product.reference,
        "sizes": None,
        "pending": None,
        "options": None,
    }
    return replace(outcome, covers=COVERED | outcome.covers, remember=remember)


def _asks_of_size(answered: list[tuple[Wish, Outcome]]) -> bool:
    """Of several articles, the last one's question is not when they come for the others."""
    return len(answered) > 1 and answered[-1][1].asks not in {None, "pickup_time"}


def _tell_together(says: tuple[Say, ...]) -> tuple[Say, ...]:
    """Many articles put aside are told in one sentence: each on its own is too long a text."""
    held = [say for say in says if say.key == "availability.held"]
    if len(held) <= FEW:
        return says
    facts = {"items": [say.facts for say in held], "until": held[0].facts["until"]}
    rest = tuple(say for say in says if say not in held)
    return (Say("availability.held_all", facts), *rest)


def _leave_when(outcome: Outcome) -> Outcome:
    """Without the question when they come: one question at a time."""
    return replace(outcome, say=tuple(s for s in outcome.say if s.key != "pickup.when"))


def _answer(turn: Turn, wish: Wish, put_aside: bool) -> Outcome:
    product = wish.product
    stock = _read_stock(turn, product)
    if product.one_size:
        return _one_article(turn, product, product.variants[0], stock, put_aside)
    unknown = [size for size in wish.sizes if product.variant(size) is None]
    if unknown and len(unknown) == len(wish.sizes):
        return _no_such_size(turn, product, unknown[0], stock)
    variants = [v for size in wish.sizes if (v := product.variant(size))]
    if len(variants) == 1:
        return _one_article(turn, product, variants[0], stock, put_aside)
    if variants:
        return _several_sizes(product, variants, stock)
    return _without_size(turn, product, stock, put_aside)


def _one_article(
    turn: Turn, product: Product, variant: Variant, stock: dict[str, Stock], put_aside: bool
) -> Outcome:
    held = next((r for r in turn.reservations if r.sku == variant.sku), None)
    if held is not None:
        return _already_held(turn, product, held)
    given_up = replaced_by(turn, product, variant.size)
    put_aside = put_aside or given_up is not None
    available = stock[variant.sku].available
    if available <= 0:
        return _sold_out(turn, product, variant, stock)
    if not put_aside:
        return _offer(turn, product, variant, available)
    outcome = _put_aside(turn, product, variant, stock)
    kept = any(isinstance(change, Keep) for change in outcome.changes)
    return _give_up(outcome, given_up, turn) if given_up and kept else outcome


def _give_up(outcome: Outcome, given_up: Reservation, turn: Turn) -> Outcome:
    """The unit that they had goes back, now that the other is put aside; the time they
    said for it holds for the new one."""
    held = next(c.reservation_id for c in outcome.changes if isinstance(c, Keep))
    changes = (*outcome.changes, Cancel(given_up.id))
    if given_up.pickup is not None and not any(isinstance(c, SetPickup) for c in changes):
        until = max(held_until(turn), given_up.until)
        changes += (SetPickup(held, given_up.pickup, until),)
        says = tuple(s for s in outcome.say if s.key != "pickup.when")
        outcome = replace(outcome, say=says, asks=None)
    return replace(outcome, changes=changes)


def _put_aside(turn: Turn, product: Product, variant: Variant, stock: dict[str, Stock]) -> Outcome:
    if turn.shop.holds is None:
        raise Unavailable("nothing can be put aside: no inventory is connected")
    wanted = turn.understanding.entities.quantity or 1
    quantity = min(wanted, stock[variant.sku].available)
    until = held_until(turn)
    available = stock[variant.sku].available
    result = turn.shop.holds.put_aside(product, variant, quantity, available, until)
    if isinstance(result, SoldOut):
        taken = {**stock, variant.sku: replace(stock[variant.sku], available=0)}
        return _sold_out(turn, product, variant, taken)
    held = Reservation(
        id=result.reservation_id,
        sku=variant.sku,
        reference=product.reference,
        title=product.title,
        size=variant.size,
        quantity=quantity,
        until=until,
    )
    facts = {
        "article": product,
        "size": variant.size,
        "count": result.left + quantity,
        "quantity": quantity,
        "wanted": wanted,
        "until": until,
        "opened": _was_offered(turn, product),
    }
    told = Outcome(
        say=(Say("availability.held", facts),),
        remember={
            "held": {
                "product": product.reference,
                "sku": variant.sku,
                "size": variant.size,
                "until": until.isoformat(),
            }
        },
    )
    return merge([told, _keep(turn, held, result)])


def _was_offered(turn: Turn, product: Product) -> bool:
    """That it is there was said a moment ago."""
    offered = turn.memory.get("offer") or {}
    asked = turn.asked in {"reservation_offer", "photo_offer"}
    return asked and offered.get("product") == product.reference


def _keep(turn: Turn, held: Reservation, result: Held) -> Outcome:
    """Keep the unit; take the pick-up time along when it was said in the same breath."""
    keep = Outcome(changes=(Keep(result.reservation_id),))
    if turn.understanding.entities.pickup_time is not None:
        pickup = replace(pickup_for(turn, [held]), covers=frozenset({"reservation_pickup"}))
        if any(isinstance(change, SetPickup) for change in pickup.changes):
            return merge([keep, pickup])
        return merge([keep, replace(pickup, notices=()), _created(turn, held)])
    ask = Outcome(say=(Say("pickup.when"),), asks="pickup_time")
    return merge([keep, _created(turn, held), ask])


def _created(turn: Turn, held: Reservation) -> Outcome:
    facts = {"customer": turn.customer, "reservation": held}
    return Outcome(notices=(Notice("reservation_created", facts, held.id),))


def _already_held(turn: Turn, product: Product, held: Reservation) -> Outcome:
    facts = {"article": product, "size": held.size, "until": held.until}
    said = Outcome(say=(Say("availability.already_held", facts),))
    if turn.understanding.entities.pickup_time is not None:
        covered = frozenset({"reservation_pickup"})
        return merge([said, replace(pickup_for(turn, [held]), covers=covered)])
    if held.pickup is None:
        return merge([said, Outcome(say=(Say("pickup.when"),), asks="pickup_time")])
    return said


def _offer(turn: Turn, product: Product, variant: Variant, available: int) -> Outcome:
    facts = {
        "article": product,
        "size": variant.size,
        "count": available,
        "until": held_until(turn),
    }
    return Outcome(
        say=(Say("availability.offer", facts),),
        asks="reservation_offer",
        remember={"offer": {"product": product.reference, "size": variant.size}},
    )


def _sold_out(turn: Turn, product: Product, variant: Variant, stock: dict[str, Stock]) -> Outcome:
    others = _in_stock(product, stock, turn.customer.usual_size)
    facts = {"article": product, "size": variant.size, "others": others}
    say = (Say("availability.sold_out", facts),)
    gone = {"product": product.reference, "size": variant.size}
    remember = {"sold_out": gone, "left": list(others)}
    return Outcome(say=say, asks="size" if others else "waiting_offer", remember=remember)


def _no_such_size(turn: Turn, product: Product, size: str, stock: dict[str, Stock]) -> Outcome:
    others = _in_stock(product, stock, turn.customer.usual_size)
    facts = {"article": product, "size": size, "others": others}
    say = (Say("availability.no_such_size", facts),)
    return Outcome(say=say, asks="size" if others else None, remember={"left": list(others)})


def _several_sizes(product: Product, variants: list[Variant], stock: dict[str, Stock]) -> Outcome:
    there = [v for v in variants if stock[v.sku].available > 0]
    facts = {
        "article": product,
        "there": [{"size": v.size, "count": stock[v.sku].available} for v in there],
        "gone": [v.size for v in variants if v not in there],
    }
    say = (Say("availability.several", facts),)
    return Outcome(say=say, asks="size" if there else None)


def _without_size(
    turn: Turn, product: Product, stock: dict[str, Stock], put_aside: bool
) -> Outcome:
    """Title, price and the sizes there are; nothing is put aside."""
    held = next((r for r in turn.reservations if r.reference == product.reference), None)
    if held is not None and "reservation_create" in turn.understanding.intents:
        return _already_held(turn, product, held)
    sizes = _in_stock(product, stock, turn.customer.usual_size)
    usual = turn.customer.usual_size if turn.customer.usual_size in sizes else ""
    if held is not None and held.size == usual:
        usual = ""
    variant = product.variant(usual) if usual else None
    facts = {
        "article": product,
        "price": product.price,
        "sizes": sizes,
        "usual": usual,
        "count": stock[variant.sku].available if variant else 0,
        "wanted": put_aside and "reservation_create" in turn.understanding.intents,
    }
    if not sizes:
        return Outcome(say=(Say("availability.all_gone", facts),), asks="waiting_offer")
    say = (Say("availability.sizes", facts),)
    if not usual:
        return Outcome(say=say, asks="size", remember={"left": list(sizes)})
    offer = {"product": product.reference, "size": usual}
    if facts["wanted"]:
        return Outcome(say=say, asks="reservation_offer", remember={"offer": offer})
    says = (*say, *_matches(turn, product), Say("photo.offer"))
    return Outcome(say=says, asks="photo_offer", remember={"offer": offer})


def _matches(turn: Turn, product: Product) -> tuple[Say, ...]:
    """That it goes with something they bought; nothing when their orders cannot be had."""
    bought = dict.fromkeys(reference_of(turn, sku) for sku in _bought(turn))
    for reference in bought:
        owned = turn.shop.product(reference)
        if owned is None or reference == product.reference:
            continue
        if reference in product.goes_with or product.reference in owned.goes_with:
            return (Say("product.goes_with", {"article": product, "owned": owned}),)
    return ()


def _bought(turn: Turn) -> list[str]:
    return [line.sku for order in orders_at_hand(turn) for line in order.lines]


def _describe(turn: Turn, wish: Wish) -> Outcome:
    product = wish.product
    stock = _read_stock(turn, product)
    facts = {
        "article": product,
        "price": product.price,
        "material": product.material,
        "care": product.care,
        "sizes": _in_stock(product, stock, turn.customer.usual_size),
        "about": _asked_about(turn.text, product),
    }
    if not facts["about"] and FIT.search(turn.text):
        return quote(turn, SURE) or _not_told(product)
    return Outcome(say=(Say("product.facts", facts),))


def _not_told(product: Product) -> Outcome:
    """How it falls nobody wrote down: said honestly, and the team offered."""
    return Outcome(say=(Say("product.not_told", {"article": product}),), asks="team_offer")


def _asked_about(text: str, product: Product) -> str:
    """The one fact that they ask for, where it is known; else "": all of them are told."""
    known = {"price": product.price, "material": product.material, "care": product.care}
    asked = [name for name, words in ASKED_FACTS.items() if words.search(text)]
    return asked[0] if len(asked) == 1 and known[asked[0]] else ""


def _in_stock(product: Product, stock: dict[str, Stock], usual: str) -> tuple[str, ...]:
    sizes = tuple(v.size for v in product.variants if v.size and stock[v.sku].available > 0)
    return order_sizes(sizes, usual)


def _read_stock(turn: Turn, product: Product) -> dict[str, Stock]:
    """Live quantities of each of the product's articles; of one that the shop's system no
    longer has, none."""
    if turn.shop.inventory is None:
        raise Unavailable("no inventory is connected")
    none = {v.sku: Stock(v.sku, available=0) for v in product.variants}
    return none | turn.shop.inventory.read_stock(product.variants)
