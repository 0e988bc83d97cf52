"""A decision recorded: the reply, the changes, the handover, in one transaction."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime

from sqlalchemy.orm import Session

from bot import clock, metrics
from bot.changes import Place, apply_change
from bot.db import transaction
from bot.decision import Decision
from bot.escalation import escalate, summarize
from bot.events import describe_customer, notify, plain_facts
from bot.loading import Loaded, let_go
from bot.logs import log
from bot.models.conversations import Turn as TurnRow
from bot.models.conversations import lock_leased
from bot.models.messages import unanswered
from bot.outbox import write_answer
from bot.replies.render import speak, tell_desk
from bot.reservations import undo_unkept
from bot.turn import Cancel, Outcome, Say, SetPickup, Turn


def record(loaded: Loaded, turn: Turn, decision: Decision) -> bool:
    """Record the decision in one transaction; False when more was said meanwhile."""
    now = clock.now()
    outcome = decision.outcome
    with transaction() as db:
        conversation = lock_leased(loaded.tenant.id, db, loaded.conversation.id, loaded.lease)
        if conversation is None:
            log().warning("lease lost")  # who has it now finds our effects and goes on
            return True
        known = {m.id for m in loaded.messages}
        waiting = unanswered(loaded.tenant.id, db, conversation.id)
        if any(m.id not in known for m in waiting):
            return False
        row = db.get_one(TurnRow, loaded.row.id)
        for message in waiting:
            message.turn_id = row.id
        place = Place(conversation, row.id, loaded.messages[-1], now)
        for change in outcome.changes:
            apply_change(db, turn, change, place)
        undo_unkept(loaded.tenant.id, db, row.id, now)
        _record_reply(db, loaded, turn, decision)
        _record_handover(db, loaded, turn, outcome, now)
        if outcome.say:
            conversation.last_message_at = now
        conversation.asked = outcome.asks or _still_asked(turn, outcome)
        conversation.memory = {
            **conversation.memory,
            "asked_back": False,
            "language": answer_language(turn),
            **plain_facts(outcome.remember),
        }
        row.understanding = plain_facts(asdict(turn.understanding))
        row.actions = {"done": _describe_actions(turn, outcome)}
        row.handled, row.finished_at = decision.handled, now
        let_go(conversation, waits=False)
    metrics.count_turn(row.handled, turn.understanding.intents, now - row.started_at)
    log().info(
        "turn",
        turn=row.id,
        intents=turn.understanding.intents,
        confidence=round(turn.understanding.confidence, 3),
        handled=decision.handled,
        deliveries=[m.delivery_id for m in loaded.messages],
    )
    return True


def _still_asked(turn: Turn, outcome: Outcome) -> str | None:
    """A question about the pick-up stays open while they speak of something else."""
    if turn.asked != "pickup_time" or any(
        isinstance(c, SetPickup | Cancel) for c in outcome.changes
    ):
        return None
    return turn.asked if any(r.pickup is None for r in turn.reservations) else None


def _record_reply(db: Session, loaded: Loaded, turn: Turn, decision: Decision) -> None:
    says = decision.outcome.say
    if not says:
        return
    if turn.first and not says[0].key.startswith("smalltalk.hello"):
        says = (Say("greeting.hello", {"name": turn.customer.first_name}), *says)
    voice = replace(turn.voice, emoji=turn.voice.emoji and not turn.upset)
    text = speak(says, language=answer_language(turn), voice=voice, now=turn.now)
    draft = decision.handled == "draft"
    write_answer(
        db,
        loaded.messages[-1],
        text,
        author="assistant",
        kind="acknowledgement" if decision.handled == "human" else "reply",
        state="draft" if draft else "queued",
        turn_id=loaded.row.id,
    )


def _record_handover(
    db: Session, loaded: Loaded, turn: Turn, outcome: Outcome, now: datetime
) -> None:
    """Escalations and notices onto the desk."""
    conversation = loaded.conversation
    for escalation in outcome.escalations:
        escalate(
            loaded.tenant,
            db,
            conversation.id,
            conversation.customer_id,
            escalation,
            now=now,
            voice=turn.voice,
            language=answer_language(turn),
            turn_id=loaded.row.id,
        )
    if not outcome.notices:
        return
    contact = describe_customer(loaded.tenant.id, db, conversation.customer_id)["contact"]
    for notice in outcome.notices:
        notify(
            loaded.tenant,
            db,
            notice.kind,
            {"contact": contact, **notice.facts},
            now=now,
            conversation_id=conversation.id,
            reservation_id=notice.reservation_id,
            needs_action=notice.needs_action,
        )


def _describe_actions(turn: Turn, outcome: Outcome) -> list[str]:
    """What was done, as the desk shows it beside the message."""
    told = [(f"done.{n.kind}", n.facts) for n in outcome.notices]
    told += [
        ("done.escalated", {"summary": summarize(turn.tenant, e, turn.now)})
        for e in outcome.escalations
    ]
    return [
        " ".join(tell_desk(key, facts, language=turn.tenant.language, now=turn.now))
        for key, facts in told
    ]


def answer_language(turn: Turn) -> str:
    """The language of the answer: the one they write, where we speak it."""
    wrote = turn.understanding.language
    return wrote if wrote in {"fr", "en"} else turn.tenant.language
