"""What customers think of what they bought: thanked for, kept, and heard when it is bad."""

from __future__ import annotations

import re

from bot.flows.handover import priority_of, when_answered
from bot.turn import Escalate, Outcome, Rate, Say, Turn

STARS = re.compile(r"[⭐★🌟]")
OUT_OF = re.compile(r"\b(\d{1,2})(?:[.,]\d)?\s*(?:/|sur|out of)\s*(5|10|20)\b", re.IGNORECASE)
OF_FIVE = re.compile(r"\b([0-5])\s*(?:étoiles?|etoiles?|stars?)\b", re.IGNORECASE)
ALONE = re.compile(r"^\W*([1-5])\W*$")
WORDS = {"une": 1, "un": 1, "deux": 2, "trois": 3, "quatre": 4, "cinq": 5}
WORDS |= {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
IN_WORDS = re.compile(rf"\b({'|'.join(WORDS)})\s+(?:étoiles?|etoiles?|stars?)\b", re.IGNORECASE)
LOW = 3  # a rating up to it is low


def receive(turn: Turn) -> Outcome:
    """A rating is kept and thanked for; a low one goes to a person."""
    score = read_score(turn.text)
    unhappy = turn.understanding.sentiment in {"negative", "very_negative"}
    rate = Rate(score, turn.text.strip()[:500])
    if (score is not None and score <= LOW) or (score is None and unhappy):
        facts = {"text": turn.text, "score": score}
        return Outcome(
            say=(Say("feedback.sorry", when_answered(turn)),),
            changes=(rate,),
            escalations=(Escalate("low_rating", priority_of(turn), facts),),
            answered=False,
        )
    say = Say("feedback.thanks", {"name": turn.name, "score": score})
    return Outcome(say=(say,), changes=(rate,))


def read_score(text: str) -> int | None:
    """Out of five, whatever the scale they use; None when they give no mark."""
    if found := OUT_OF.search(text):
        mark, scale = int(found[1]), int(found[2])
        return max(1, min(5, round(mark * 5 / scale))) if mark <= scale else None
    if found := OF_FIVE.search(text):
        return max(1, int(found[1]))
    if found := IN_WORDS.search(text):
        return WORDS[found[1].lower()]
    if stars := len(STARS.findall(text)):
        return min(5, stars)
    if found := ALONE.match(text):
        return int(found[1])
    return None
