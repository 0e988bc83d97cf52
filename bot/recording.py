"""A decision recorded: the reply, the changes, the handover, in one transaction."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from bot import clock, metrics
from bot.changes import Place, apply_change
from bot.db import transaction
from bot.decision import Decision
from bot.escalation import escalate, summarize
from bot.events import describe_customer, notify, plain_facts
from bot.flows.smalltalk import say_hello
from bot.loading import Loaded, let_go
from bot.logs import log
from bot.models.conversations import lock_leased
from bot.models.messages import answer_all
from bot.outbox import write_answer
from bot.replies.phrasing import phrase
from bot.replies.render import tell_desk
from bot.reservations import undo_unkept
from bot.turn import Cancel, Outcome, Say, SetPickup, Turn


@dataclass(frozen=True)
class Texts:
    """The reply and the draft in words; empty where there is none."""

    reply: str = ""
    draft: str = ""


def record(loaded: Loaded, turn: Turn, decision: Decision) -> bool:
    """Record the decision in one transaction; False when more was said meanwhile."""
    texts = _put_in_words(loaded, turn, decision)
    now = clock.now()
    outcome = decision.outcome
    decided = [outcome, decision.draft] if decision.draft else [outcome]
    with transaction() as db:
        conversation = lock_leased(loaded.tenant.id, db, loaded.conversation.id, loaded.lease)
        if conversation is None:
            log().warning("lease lost")  # who has it now finds our effects and goes on
            return True
        known = [m.id for m in loaded.messages]
        row = loaded.row
        if not answer_all(loaded.tenant.id, db, conversation.id, known, row.id):
            return False
        db.add(row)
        place = Place(conversation, row.id, loaded.messages[-1], now)
        for change in (change for one in decided for change in one.changes):
            apply_change(db, turn, change, place)
        undo_unkept(loaded.tenant.id, db, row.id, now)
        _record_texts(db, loaded, turn, decision, texts)
        for one in decided:
            _record_handover(db, loaded, turn, one, now)
        if texts.draft:
            _tell_draft(db, loaded, turn, texts.draft, now)
        if outcome.say:
            conversation.last_message_at = now
        conversation.asked = _asked(turn, decided)
        conversation.memory = {
            **conversation.memory,
            "asked_back": False,
            "stopped": False,
            "language": answer_language(turn),
            **{k: v for one in decided for k, v in plain_facts(one.remember).items()},
        }
        row.understanding = plain_facts(asdict(turn.understanding))
        row.actions = {"done": [line for one in decided for line in _describe_actions(turn, one)]}
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


def _asked(turn: Turn, decided: list[Outcome]) -> str | None:
    """The question that is open now."""
    asked = [one.asks for one in decided if one.asks]
    return asked[-1] if asked else _still_asked(turn, decided[0])


def _still_asked(turn: Turn, outcome: Outcome) -> str | None:
    """A question about the pick-up stays open while they speak of something else."""
    if turn.asked != "pickup_time" or any(
        isinstance(c, SetPickup | Cancel) for c in outcome.changes
    ):
        return None
    return turn.asked if any(r.pickup is None for r in turn.reservations) else None


def _put_in_words(loaded: Loaded, turn: Turn, decision: Decision) -> Texts:
    """No transaction is open here: a model may be asked to phrase it."""
    if decision.outcome.say:
        reply = _say(loaded, turn, _greet(loaded, turn, decision.outcome.say))
        return Texts(reply, _say(loaded, turn, decision.draft.say) if decision.draft else "")
    if decision.draft is not None and decision.draft.say:
        return Texts(draft=_say(loaded, turn, _greet(loaded, turn, decision.draft.say)))
    return Texts()


def _say(loaded: Loaded, turn: Turn, says: tuple[Say, ...]) -> str:
    voice = replace(turn.voice, emoji=turn.voice.emoji and not turn.upset)
    return phrase(
        says,
        language=answer_language(turn),
        voice=voice,
        now=turn.now,
        speaker=loaded.speaker,
        tenant_id=loaded.tenant.id,
        conversation_id=loaded.conversation.id,
    )


def _greet(loaded: Loaded, turn: Turn, says: tuple[Say, ...]) -> tuple[Say, ...]:
    """Hello in the first answer of a conversation; and in the first on each channel, that an
    assistant answers (AI Act, article 50)."""
    greeted = says[0].key == "greeting.hello"
    hello = says[:1] if greeted else (say_hello(turn),)
    if not (turn.first or greeted):
        hello = ()
    tells_who = any(say.key == "consent.help" for say in says)
    if not (tells_who or _introduced(loaded)):
        hello = (*hello, Say("greeting.assistant", {"tenant": turn.tenant}))
    return (*hello, *(says[1:] if greeted else says))


def _introduced(loaded: Loaded) -> bool:
    return loaded.messages[-1].channel in loaded.introduced_on


def _record_texts(
    db: Session, loaded: Loaded, turn: Turn, decision: Decision, texts: Texts
) -> None:
    last = loaded.messages[-1]
    kind = "acknowledgement" if decision.handled == "human" else "reply"
    for text, state, outcome in (
        (texts.reply, "queued", decision.outcome),
        (texts.draft, "draft", decision.draft),
    ):
        if not text or outcome is None:
            continue
        first_told = not _introduced(loaded) and (state == "queued" or not texts.reply)
        write_answer(
            db,
            last,
            text,
            author="assistant",
            kind=kind,
            state=state,
            turn_id=loaded.row.id,
            extra={
                **({"disclosed": answer_language(turn)} if first_told else {}),
                **({"pictures": list(outcome.pictures)} if outcome.pictures else {}),
                **({"facts": plain_facts(_facts_of(outcome))} if state == "draft" else {}),
            },
            tenant=loaded.tenant,
        )


def _facts_of(outcome: Outcome) -> dict[str, object]:
    """What a draft rests on, for the desk to show beside it."""
    return {name: value for say in outcome.say for name, value in say.facts.items()}


def _tell_draft(db: Session, loaded: Loaded, turn: Turn, text: str, now: datetime) -> None:
    facts = describe_customer(loaded.tenant.id, db, loaded.conversation.customer_id)
    notify(
        loaded.tenant,
        db,
        "draft_waiting",
        {**facts, "text": text, "asked": turn.text},
        now=now,
        conversation_id=loaded.conversation.id,
        needs_action=True,
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
