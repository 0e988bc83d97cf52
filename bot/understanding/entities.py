"""What a message names: products, sizes, times, numbers, people (formats/understanding.md)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from bot.turn import Context, Entities
from bot.understanding.catalogue_index import index_of
from bot.understanding.folding import blank, cut, fold, fold_verbs
from bot.understanding.occasions import find_events, read_event
from bot.understanding.order_numbers import Number, find_orders, find_tracking
from bot.understanding.people import find_emails, find_phones, read_last_name
from bot.understanding.posts import attach_posts
from bot.understanding.products import Mention, as_written, find_mentions, quiet_spans
from bot.understanding.roles import say_roles
from bot.understanding.sizes import read_sizes
from bot.understanding.times import find_whens, read_pickup
from bot.understanding.wishes import find_colors, read_choice, read_quantity

Span = tuple[int, int]


@dataclass(frozen=True)
class _Marks:
    """What is recognised by its shape. `hidden` is where it stands: no hour, size or
    quantity is read there."""

    emails: list[tuple[int, int, str]]
    trackings: list[Number]
    phones: list[tuple[int, int, str]]
    orders: list[Number]
    mentions: list[Mention]
    hidden: list[Span]


def read_entities(text: str, context: Context) -> Entities:
    """Everything that a message names. `text` may be several messages, joined by newlines.

    Only the first thousands of characters are read. Never raises on any text.
    """
    text = cut(text)
    folded = fold(text)
    marks = _find_marks(text, folded, context)
    shown = blank(folded, marks.hidden)
    spoken = blank(fold_verbs(text), marks.hidden)
    events = find_events(spoken)
    whens = find_whens(spoken, _today(context), context.asked, [(s, e) for s, e, _ in events])
    said = say_roles(spoken, whens, events)
    event, event_date = read_event(said, events, context)
    untimed = blank(shown, [(w.start, w.end) for w in whens])
    sizes = read_sizes(untimed, index_of(context.products).sizes, context.asked)
    numbers = [(n.start, n.end) for n in marks.orders]
    return Entities(
        products=tuple(as_written(text, m) for m in marks.mentions),
        sizes=sizes,
        colors=_colors(text, shown),
        quantity=read_quantity(untimed, [(m.start, m.end) for m in marks.mentions], sizes),
        order_numbers=tuple(dict.fromkeys(n.value for n in marks.orders)),
        tracking_numbers=tuple(dict.fromkeys(n.value for n in marks.trackings)),
        last_name=read_last_name(text, folded, numbers, context.asked, context.own_names),
        email=next((value for _, _, value in marks.emails), None),
        phone=next((value for _, _, value in marks.phones), None),
        pickup_time=read_pickup(spoken, said, context),
        event=event,
        event_date=event_date,
        choice=read_choice(folded, context.asked),
    )


def _today(context: Context) -> date:
    return context.now.astimezone(context.hours.zone).date()


def _find_marks(text: str, folded: str, context: Context) -> _Marks:
    emails, trackings = find_emails(text), list(find_tracking(folded))
    hidden: list[Span] = [(s, e) for s, e, _ in emails] + [(n.start, n.end) for n in trackings]
    plain = blank(folded, hidden)
    mentions = attach_posts(plain, find_mentions(plain, context), context, _today(context))
    hidden += [(m.start, m.end) for m in mentions if m.exact and not m.concepts]
    # a number that is named as an order's is no telephone number, and what is one is no order
    named = [(n.start, n.end) for n in _orders(folded, hidden, context) if n.labelled]
    phones = find_phones(blank(text, [*hidden, *named]))
    hidden += [(s, e) for s, e, _ in phones]
    orders = _orders(folded, hidden, context)
    hidden += [(n.start, n.end) for n in orders]
    return _Marks(emails, trackings, phones, orders, mentions, hidden)


def _orders(folded: str, hidden: list[Span], context: Context) -> list[Number]:
    return find_orders(blank(folded, hidden), context.order_shapes, context.asked)


def _colors(text: str, folded: str) -> tuple[str, ...]:
    found = find_colors(folded, quiet_spans(folded))
    return tuple(dict.fromkeys(text[start:end].lower() for start, end in found))
