"""How urgent a message is and in what mood it was written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta

from bot.turn import Context, Entities, Sentiment, Urgency
from bot.understanding.days import find_days
from bot.understanding.normalize import fold, words_of
from bot.understanding.occasions import find_events
from bot.understanding.phrases import read_phrases

SOON = timedelta(days=3)
_SAME_BREATH = 25  # characters between an occasion and its day
_TONIGHT = re.compile(r"\b(?:ce (?:soir|midi)|cet apres|tonight|cette nuit)\b")
_WEIGHTS = {"very_positive": 2.0, "positive": 1.0, "negative": -1.0, "very_negative": -2.5}
_EMOJI = {
    ":love:": 1.0, ":joy:": 0.6, ":sad:": -1.0, ":fear:": -1.0, ":angry:": -2.0, ":star:": 0.6,
}  # fmt: skip
# Intents that tell of something gone wrong, whatever the words
_SORRY = {"complaint": -1.0, "delivery_problem": -0.7}
_IDLE = frozenset(("greeting", "closing"))
_NEGATED_WITHIN = 3  # words
# "Rien d'urgent", "it's not urgent"
_UNHURRIED = re.compile(
    r"\b(?:pas|rien|aucune?|sans|not?|nothing|isn't)\s+"
    r"(?:d'|d |si |tres |trop |too |very |super |that )?(?:urgen\w+|presse\w*)"
)
_WANTED_BY = re.compile(
    r"(?:pour|avant|d'ici|des|au plus tard|maximum|max|for|by|before|on|until|necessairement|"
    r"absolument|imperativement|c'est|est|is|seulement)\s+(?:le |la |ce |this |le mariage de )?$"
)
_TODAY = re.compile(
    r"(?:pour|avant|d'ici|by|for|before|c'est|des|est) (?:ce (?:soir|midi|matin)|tonight|aujourd)"
)


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
    found = read_phrases("mood.yaml").find(words_of(_UNHURRIED.sub(" ", fold(text))))
    if "unknown" not in intents and not _IDLE & set(intents):
        today = context.now.astimezone(context.hours.zone).date()
        day = entities.event_date
        if "pressing" in found or (day is not None and today <= day <= today + SOON):
            return "high"
        if ("deadline" in found or entities.event) and _is_soon(text, today):
            return "high"
        if entities.event and _is_near(text, today):
            return "high"
    if set(intents) <= _IDLE or ("unknown" in intents and _is_idle(text)):
        return "low"
    return "normal"


def _is_soon(text: str, today: date) -> bool:
    """Whether a day within three days is what is wanted by: "pour demain", "avant samedi"."""
    folded = fold(text)
    if _TODAY.search(folded):
        return True
    days = [(start, days) for start, _, days in find_days(folded, today) if days is not None]
    return any(
        _WANTED_BY.search(folded[:start]) and today <= days.first <= today + SOON
        for start, days in days
    )


def _is_near(text: str, today: date) -> bool:
    """Whether an occasion is told with its day, within three: "entretien demain matin"."""
    folded = fold(text)
    soon = [
        (start, end)
        for start, end, days in find_days(folded, today)
        if days is not None and today <= days.first <= today + SOON
    ]
    soon += [m.span() for m in _TONIGHT.finditer(folded)]
    for start, end, _ in find_events(folded):
        for first, last in soon:
            between = folded[min(end, last) : max(start, first)]
            if len(between) <= _SAME_BREATH and not re.search(r"[!?\n]", between):
                return True
    return False


def _is_idle(text: str) -> bool:
    """Talk for its own sake, not a request meant for somebody else or an offer."""
    found = read_phrases("concepts.yaml").find(words_of(text))
    meant = sum(len(found.get(c, ())) for c in ("other_business", "job", "sell_us", "misuse"))
    return len(found.get("idle", ())) >= meant
