"""What the vendors received, compared with what should have been."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.models.conversations import Conversation, Turn
from bot.models.deliveries import Delivery
from bot.models.effects import Effect
from bot.models.media import Media
from bot.models.messages import Message
from bot.models.reservations import Reservation
from tests.chaos.channels import CHANNELS, Carried
from tests.chaos.traffic import Sent

SILENT = {"thank"}  # what may be left without an answer
FIGURES = {
    "lost": ("lost_inbound", "unanswered", "no_reply", "lost_outbound", "not_sent"),
    "duplicated": ("doubled_inbound", "two_replies", "doubled_outbound", "invented_outbound"),
    "out_of_order": ("out_of_order", "read_out_of_order"),
}


@dataclass
class Verdict:
    """What is wrong by its name, with examples; nothing when all is well."""

    wrong: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, name: str, examples: Iterable[object]) -> None:
        self.wrong[name] += [str(example) for example in examples]

    @property
    def figures(self) -> dict[str, Any]:
        """The three that matter, and whatever is wrong by its name."""
        counts = {name: len(examples) for name, examples in self.wrong.items() if examples}
        sums = {name: sum(counts.get(n, 0) for n in kinds) for name, kinds in FIGURES.items()}
        return {**sums, "wrong": counts}


def judge(db: Session, state: Mapping[str, Any], sent: Sequence[Sent]) -> Verdict:
    """`state`: the sandbox's world at rest; `sent`: what the harness's customers wrote."""
    verdict = Verdict()
    messages = list(db.scalars(select(Message).order_by(Message.id)))
    turns = {turn.id: turn for turn in db.scalars(select(Turn))}
    carried = [c for channel in CHANNELS.values() for c in channel.carried(state)]
    _judge_inbound(verdict, state, messages, turns)
    _judge_answers(verdict, sent, messages)
    _judge_outbound(verdict, carried, messages)
    _judge_order(verdict, carried, messages, sent)
    _judge_stock(verdict, db, state)
    _judge_leftovers(verdict, db)
    return verdict


def _judge_inbound(
    verdict: Verdict,
    state: Mapping[str, Any],
    messages: Sequence[Message],
    turns: Mapping[int, Turn],
) -> None:
    """Every message that the carrier received for us has one row and a finished turn."""
    rows = Counter(m.provider_id for m in messages if m.direction == "in")
    received = set().union(*(channel.received(state) for channel in CHANNELS.values()))
    verdict.add("lost_inbound", received - set(rows))
    verdict.add("doubled_inbound", (sid for sid, count in rows.items() if count > 1))
    verdict.add("invented_inbound", set(rows) - received)
    verdict.add(
        "unanswered",
        (
            m.id
            for m in messages
            if m.direction == "in" and (not m.turn_id or turns[m.turn_id].finished_at is None)
        ),
    )


def _judge_answers(verdict: Verdict, sent: Sequence[Sent], messages: Sequence[Message]) -> None:
    """Who asks is answered: the turn of whatever is not mere thanks has one reply."""
    replies = Counter(m.turn_id for m in messages if m.direction == "out" and m.turn_id)
    turn_of = {m.provider_id: m.turn_id for m in messages if m.direction == "in"}
    asked = {turn_of.get(s.id): s for s in sent if s.line.kind not in SILENT}
    verdict.add(
        "no_reply",
        (f"turn {turn}: {s.line.kind}" for turn, s in asked.items() if turn and not replies[turn]),
    )
    verdict.add("two_replies", (turn for turn, count in replies.items() if count > 1))


def _judge_outbound(
    verdict: Verdict, carried: Sequence[Carried], messages: Sequence[Message]
) -> None:
    """Every message of ours is at its carrier exactly once, and known by the carrier's id."""
    ours = {m.id: m for m in messages if m.direction == "out"}
    times = Counter(c.message_id for c in carried)
    verdict.add("lost_outbound", (f"{i}: {ours[i].state}" for i in set(ours) - set(times)))
    verdict.add(
        "doubled_outbound",
        (f"{i}: {ours[i].state}, attempts {ours[i].attempts}" for i in ours if times[i] > 1),
    )
    verdict.add("invented_outbound", (c.id for c in carried if c.message_id not in ours))
    known = {(m.id, m.provider_id) for m in ours.values()}
    verdict.add("mistaken_outbound", (c.id for c in carried if (c.message_id, c.id) not in known))
    arrived = {"sent", "delivered", "read"}
    verdict.add("not_sent", (f"{m.id}: {m.state}" for m in ours.values() if m.state not in arrived))


def _judge_order(
    verdict: Verdict,
    carried: Sequence[Carried],
    messages: Sequence[Message],
    sent: Sequence[Sent],
) -> None:
    """Replies leave in the order of their turns; and what the door took in order is read and
    answered in order. (What it did not take is found later, and then comes late.)"""
    conversation = {m.id: m.conversation_id for m in messages}
    lists: dict[object, list[int]] = defaultdict(list)
    for each in sorted(carried, key=lambda c: c.at):
        if each.message_id in conversation:
            lists[conversation[each.message_id]].append(each.message_id)
    verdict.add("out_of_order", (ids for ids in lists.values() if ids != sorted(ids)))
    row = {m.provider_id: m for m in messages if m.direction == "in"}
    turns: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for s in sent:
        if s.taken and s.id in row and (turn := row[s.id].turn_id):  # else it is unanswered
            turns[s.customer].append((turn, row[s.id].delivery_id or 0))
    verdict.add("read_out_of_order", (found for found in turns.values() if found != sorted(found)))


def _judge_stock(verdict: Verdict, db: Session, state: Mapping[str, Any]) -> None:
    stock: Mapping[str, Mapping[str, int]] = state["stock"]
    active = select(Reservation).where(Reservation.state == "active")
    held = Counter(found.sku for found in db.scalars(active) for _ in range(found.quantity))
    verdict.add(
        "stock_adrift",
        (
            f"{sku}: {units}"
            for sku, units in stock.items()
            if units["on_hand"] != units["available"] + units["reserved"] + units["committed"]
            or units["available"] < 0
        ),
    )
    verdict.add(
        "stock_not_ours",
        (
            f"{sku}: the store has {units['reserved']} reserved, we {held[sku]}"
            for sku, units in stock.items()
            if units["reserved"] != held[sku]
        ),
    )


def _judge_leftovers(verdict: Verdict, db: Session) -> None:
    """Nothing is still to be done, and nothing was given up."""
    for name, query in {
        "pending_reservations": select(Reservation.id).where(Reservation.state == "pending"),
        "planned_effects": select(Effect.purpose).where(Effect.state == "planned"),
        "refused_releases": select(Effect.purpose).where(
            Effect.state == "refused", Effect.kind == "release"
        ),
        "unread_deliveries": select(Delivery.id).where(Delivery.state.in_(("new", "failed"))),
        "unfinished_turns": select(Turn.id).where(Turn.finished_at.is_(None)),
        "waiting_conversations": select(Conversation.id).where(
            Conversation.answer_after.is_not(None)
        ),
        "waiting_media": select(Media.id).where(Media.state == "waiting"),
    }.items():
        verdict.add(name, db.scalars(query))
