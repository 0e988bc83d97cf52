"""What a message names: products, sizes, times, numbers, people (formats/understanding.md)."""

from __future__ import annotations

from bot.turn import Context, Entities
from bot.understanding.catalogue_index import index_of
from bot.understanding.folding import blank, cut, fold, fold_verbs
from bot.understanding.occasions import find_events, read_event
from bot.understanding.order_numbers import Number, find_orders, find_tracking
from bot.understanding.people import find_emails, find_phones, read_last_name
from bot.understanding.posts import attach_posts
from bot.understanding.products import as_written, find_mentions, quiet_spans
from bot.understanding.roles import say_roles
from bot.understanding.sizes import read_sizes
from bot.understanding.times import find_whens, read_pickup
from bot.understanding.wishes import find_colors, read_choice, read_quantity

Span = tuple[int, int]


def read_entities(text: str, context: Context) -> Entities:
    """Everything that a message names. `text` may be several messages, joined by newlines.

    Only the first thousands of characters are read. Never raises on any text.
    """
    text = cut(text)
    folded = fold(text)
    today = context.now.astimezone(context.hours.zone).date()
    emails = find_emails(text)
    trackings = list(find_tracking(folded))
    hidden: list[Span] = [(s, e) for s, e, _ in emails] + [(n.start, n.end) for n in trackings]
    mentions = attach_posts(
        blank(folded, hidden), find_mentions(blank(folded, hidden), context), context, today
    )
    exact = [(m.start, m.end) for m in mentions if not m.concepts and m.exact]
    hidden += exact
    # a number that is named as an order's is no telephone number, and what is one is no order
    named = [n for n in _orders(folded, hidden, context) if n.labelled]
    phones = find_phones(blank(text, [*hidden, *((n.start, n.end) for n in named)]))
    hidden += [(s, e) for s, e, _ in phones]
    orders = _orders(folded, hidden, context)
    numbers = [(n.start, n.end) for n in orders]
    hidden += numbers

    said_text = blank(fold_verbs(text), hidden)
    events = find_events(said_text)
    whens = find_whens(said_text, today, context.asked, [(s, e) for s, e, _ in events])
    said = say_roles(said_text, whens, events)
    event, event_date = read_event(said, events, context)
    untimed = blank(blank(folded, hidden), [(w.start, w.end) for w in whens])
    pieces = [(m.start, m.end) for m in mentions]
    sizes = read_sizes(untimed, index_of(context.products).sizes, context.asked)
    return Entities(
        products=tuple(as_written(text, m) for m in mentions),
        sizes=sizes,
        colors=_colors(text, blank(folded, hidden)),
        quantity=read_quantity(untimed, pieces, sizes),
        order_numbers=tuple(dict.fromkeys(n.value for n in orders)),
        tracking_numbers=tuple(dict.fromkeys(n.value for n in trackings)),
        last_name=read_last_name(text, folded, numbers, context.asked),
        email=emails[0][2] if emails else None,
        phone=phones[0][2] if phones else None,
        pickup_time=read_pickup(said_text, said, context),
        event=event,
        event_date=event_date,
        choice=read_choice(folded, context.asked),
    )


def _orders(folded: str, hidden: list[Span], context: Context) -> list[Number]:
    return find_orders(blank(folded, hidden), context.order_shapes, context.asked)


def _colors(text: str, folded: str) -> tuple[str, ...]:
    found = find_colors(folded, quiet_spans(folded))
    return tuple(dict.fromkeys(text[start:end].lower() for start, end in found))
