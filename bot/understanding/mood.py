"""How urgent a message is and in what mood it was written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from bot.turn import Context, Entities, Sentiment, Urgency
from bot.understanding.normalize import name_emoji, words_of
from bot.understanding.phrases import read_phrases

SOON = timedelta(days=3)
_WEIGHTS = {"very_positive": 2.0, "positive": 1.0, "negative": -1.0, "very_negative": -2.5}
_EMOJI = {
    ":love:": 1.0, ":joy:": 0.6, ":sad:": -1.0, ":fear:": -1.0, ":angry:": -2.0, ":star:": 0.6,
}  # fmt: skip
# Intents that tell of something gone wrong, whatever the words
_SORRY = {"complaint": -1.0, "delivery_problem": -1.0}
_IDLE = frozenset(("greeting", "closing"))
_NEGATED_WITHIN = 3  # words


def feel(text: str, intents: Sequence[str]) -> Sentiment:
    """The mood of a cleaned text that carries `intents`."""
    words = words_of(text)
    score = sum(_EMOJI.get(w, 0.0) for w in dict.fromkeys(words))
    found = read_phrases("mood.yaml").find(words)
    negations = found.get("not", [])
    for name, weight in _WEIGHTS.items():
        for at in found.get(name, ())[:3]:
            negated = any(0 < at - n <= _NEGATED_WITHIN for n in negations) and weight > 0
            score += -0.7 * weight if negated else weight
    low = sum(_SORRY.get(i, 0.0) for i in intents)
    if low and score > low:
        score = max(low, score + low)
    if score and text.count("!") > 1:
        score *= 1.3
    return _mood_of(score)


def _mood_of(score: float) -> Sentiment:
    if score <= -2.3:
        return "very_negative"
    if score <= -0.6:
        return "negative"
    if score < 0.6:
        return "neutral"
    return "positive" if score < 2 else "very_positive"


def press(text: str, intents: Sequence[str], entities: Entities, context: Context) -> Urgency:
    """`high` when an event, a departure or a deadline within three days makes the answer
    matter now, `low` for idle talk."""
    found = read_phrases("mood.yaml").find(words_of(text))
    if "unknown" not in intents:
        day = entities.event_date
        today = context.now.astimezone(context.hours.zone).date()
        if day is not None and today <= day <= today + SOON:
            return "high"
        if "pressing" in found and not _IDLE & set(intents):
            return "high"
    if set(intents) <= _IDLE or (tuple(intents) == ("unknown",) and _is_idle(text)):
        return "low"
    return "normal"


def _is_idle(text: str) -> bool:
    words = words_of(name_emoji(text))
    return len(words) <= 8 and "idle" in read_phrases("concepts.yaml").find(words)
