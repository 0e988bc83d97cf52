"""A reply phrased by a language model: it writes only between what code says.

A written reply is cut into sentences. One made of nothing but polite phrases (phatic.yaml),
and perhaps the customer's name, may be rephrased; every other one (facts, promises,
conditions, questions that the next turn waits for) is a slot, {{1}} {{2}} …, that code fills.
The model sees the slots' sentences without their facts, and no word of the customer.

What it gives back is held to the same phrases: whatever is not made of them, in the voice's
language and address, is rejected, and the written sentences go out. Rejecting by default is
the point: names, sums, dates, places, promises, other alphabets and hidden characters need
not be known to be kept out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count, pairwise

from pydantic import BaseModel, ConfigDict

from bot import metrics
from bot.agents import Speaker
from bot.language_models import open_asker
from bot.logs import log
from bot.replies.phatic import Manner, flatten, manner_of
from bot.replies.render import EMOJI, END, FACT, LONGEST, fit_text, speak, speak_marked, unmark
from bot.turn import Say, Voice
from connectors.errors import ConnectorError
from connectors.segments import count_segments

NAME = "\ue002"  # stands for the customer's name within a free sentence
SLOT = re.compile(r"\{\{([1-9][0-9]?)\}\}")
MOST_FREE = 240  # characters that the model may write in all
MOST_SENTENCES = 3  # more than were written
MOST_EMOJI = 2

_FACT = re.compile(f"{FACT}([^{FACT}{END}]*){END}")
_SENTENCE = re.compile(rf"[^.!?…]+[.!?…]*(?:\s*{EMOJI.pattern})*|[.!?…]+")
_LETTERS = re.compile(r"[A-Za-zàâäæçéèêëîïôöœùûüÿÀÂÄÆÇÉÈÊËÎÏÔÖŒÙÛÜŸ ',.!?…-]*")
_DASH = re.compile(r"(?<!\w)-|-(?!\w)")  # none but a hyphen
_GAY = frozenset("😊🙂👋🌸✨🙏💐")
_ENDS = frozenset(".!?…") | _GAY
_SORRY = re.compile(r"d[ée]sol[ée]|excus|pardon|sorry|apolog", re.IGNORECASE)
# Classes of phrases that may be there only where the written text has them too
_ONLY_LIKE = frozenset({"welcome", "well", "easy", "noted", "ask", "sorry", "greeting"})
_KEPT = frozenset({"greeting", "sorry", "ask"})  # and must stay
_I = re.compile(r"I('|$)")
_GLAD = frozenset({"warm", "welcome", "well", "wish"})

INSTRUCTIONS = """\
You make the reply of a shop's assistant sound warmer and more natural. `text` is the reply; \
{{1}}, {{2}} … stand for sentences or names that are fixed: `fixed` shows what kind of thing \
each says, with … for its facts. Write the reply again: keep every {{n}} once, in the same \
order, and change only the words between them. Only short phrases of politeness: a greeting \
where there is one, thanks, a kind word, a wish, a goodbye. Say nothing of products, stock, \
prices, days, times, numbers, orders or people; promise nothing, confirm nothing, refuse \
nothing, ask nothing new. Every sentence of yours ends with a full stop or the like. Write in \
`language`, saying `address` to the customer, with at most two emoji if `emoji`, else none."""


class Phrasing(BaseModel):
    """What the model is asked for."""

    model_config = ConfigDict(extra="forbid")

    text: str


@dataclass(frozen=True)
class Slot:
    """What code fills in: a name, or whole sentences. `gist` has … for the facts."""

    text: str
    gist: str
    name: bool = False


@dataclass(frozen=True)
class Written:
    """A reply as it is written: `text` goes out unless a phrasing is accepted, `frame` is
    what the model sees of it."""

    text: str
    frame: str
    slots: tuple[Slot, ...]


class Rejected(Exception):
    """The draft is not used; the message is the reason, one word."""


def phrase(
    says: Iterable[Say],
    *,
    language: str,
    voice: Voice,
    now: datetime,
    speaker: Speaker,
    tenant_id: int,
    conversation_id: int | None,
) -> str:
    """The sentences as `speak` gives them, or as the agent's model phrases them. Never to be
    called within a transaction. Raises as `speak` does."""
    asker = open_asker(tenant_id, conversation_id, speaker.models, "phrasing")
    if asker is None:
        return speak(says, language=language, voice=voice, now=now)
    written = segment(says, language=language, voice=voice, now=now)
    return rephrase(written, asker.ask, language=language, voice=voice)


def rephrase(
    written: Written,
    ask: Callable[[str, str, type[Phrasing]], Phrasing],
    *,
    language: str,
    voice: Voice,
) -> str:
    """What the model makes of it; as it is written when it makes nothing of use."""
    manner = manner_of(language, voice.address)
    try:
        draft = ask(INSTRUCTIONS, describe(written, language, voice), Phrasing)
        return accept(draft.text, written, manner, emoji=voice.emoji)
    except ConnectorError as error:
        tell = log().info if error.code == "resting" else log().warning
        tell("written sentence goes out", vendor=error.vendor, code=error.code)
    except Rejected as why:
        log().warning("phrasing rejected", reason=str(why))
        metrics.count_model_answer("phrasing", "rejected")
    return written.text


def describe(written: Written, language: str, voice: Voice) -> str:
    """What the model is shown: no fact, no name, no word of the customer."""
    asked = {
        "text": written.frame,
        "fixed": {str(n): s.gist for n, s in enumerate(written.slots, 1)},
        "language": language,
        "address": voice.address,
        "emoji": voice.emoji,
    }
    return json.dumps(asked, ensure_ascii=False)


# --- the written reply -------------------------------------------------------------------


def segment(says: Iterable[Say], *, language: str, voice: Voice, now: datetime) -> Written:
    """The reply cut into what may be rephrased and what is a slot."""
    said = speak_marked(says, language=language, voice=voice, now=now)
    texts = [(marked, str(say.facts.get("name") or "")) for say, marked in said]
    return cut(texts, manner_of(language, voice.address))


def cut(texts: Iterable[tuple[str, str]], manner: Manner) -> Written:
    """The same for sentences whose facts are marked, each with the name that it may hold."""
    written: list[str] = []
    frame: list[str] = []
    slots: list[Slot] = []
    for marked, name in texts:
        written.append(unmark(marked))
        for free, part in _parts(marked, name, manner):
            new = (
                [Slot(n, "the customer's name", name=True) for n in _FACT.findall(part)]
                if free
                else [Slot(unmark(part), unmark(_FACT.sub("…", part)))]
            )
            frame.append(_number(part if free else f"{FACT}{END}", len(slots) + 1))
            slots += new
    return Written(" ".join(written), " ".join(" ".join(frame).split()), tuple(slots))


def _number(marked: str, first: int) -> str:
    """The facts of a text as {{1}}, {{2}} …, from `first`."""
    numbers = count(first)
    return _FACT.sub(lambda _: f"{{{{{next(numbers)}}}}}", marked)


def _parts(marked: str, name: str, manner: Manner) -> list[tuple[bool, str]]:
    """The sentences of a marked text, each with whether it may be rephrased; those that may
    not are one with their neighbours that may not either."""
    marked = marked.replace(FACT + END, "")
    facts = _FACT.findall(marked)
    held = iter(range(len(facts)))
    # Facts may hold full stops: each is one character while sentences are told apart
    veiled = _FACT.sub(lambda _: chr(0xE100 + next(held)), marked)
    parts: list[tuple[bool, str]] = []
    for sentence in _SENTENCE.findall(veiled):
        inside = [facts[ord(c) - 0xE100] for c in sentence if 0xE100 <= ord(c) < 0xF8FF]
        plain = re.sub("[\ue100-\uf8fe]", NAME, sentence)
        free = all(f == name for f in inside) and _is_phatic(plain, manner)
        shown = re.sub(
            "[\ue100-\uf8fe]", lambda c: f"{FACT}{facts[ord(c[0]) - 0xE100]}{END}", sentence
        )
        if parts and not free and not parts[-1][0]:
            parts[-1] = (False, parts[-1][1] + shown)
        elif shown.strip():
            parts.append((free, shown))
    return parts


def _is_phatic(sentence: str, manner: Manner) -> bool:
    words = flatten(EMOJI.sub("", sentence).rstrip(".!?… "))
    return manner.read(" ".join(words.replace(NAME, " ").split())) is not None


# --- the draft ---------------------------------------------------------------------------


def accept(draft: str, written: Written, manner: Manner, *, emoji: bool) -> str:
    """The draft with its slots filled. Raises Rejected."""
    # Spaces that French typography wants, new lines, and curly apostrophes
    draft = re.sub("[ \n\u00a0\u202f]+", " ", draft).strip(" ").replace("’", "'")
    numbers = [int(n) for n in SLOT.findall(draft)]
    if numbers != list(range(1, len(written.slots) + 1)):
        raise Rejected("slots")
    pieces = SLOT.split(draft)[::2]
    for piece in pieces:
        _check_characters(piece, emoji=emoji)
    free = " ".join(pieces)
    if len(free) > MOST_FREE + len(written.frame):
        raise Rejected("length")
    gaps = _gaps(pieces, written.slots)
    sentences = [[s.strip() for s in _SENTENCE.findall(gap) if s.strip()] for gap in gaps]
    last = sentences[-1][-1] if sentences[-1] else None
    classes = [[_read(s, manner, last=s is last) for s in gap] for gap in sentences]
    _check_manners(classes, sentences, written, manner)
    return _fill(pieces, written)


def _check_characters(piece: str, *, emoji: bool) -> None:
    """Only the letters of French and English, few marks, few emoji: look-alikes of other
    alphabets, figures, hidden and joined characters are none of them."""
    gay = [c for c in piece if c in _GAY]
    if gay and (not emoji or len(gay) > MOST_EMOJI):
        raise Rejected("emoji")
    if not _LETTERS.fullmatch("".join(c for c in piece if c not in _GAY)):
        raise Rejected("characters")
    if _DASH.search(piece):
        raise Rejected("characters")


def _gaps(pieces: Sequence[str], slots: Sequence[Slot]) -> list[str]:
    """The free text before, between and after the whole sentences; names stand in it."""
    gaps = [pieces[0]]
    for slot, piece in zip(slots, pieces[1:], strict=True):
        if slot.name:
            gaps[-1] += NAME + piece
        else:
            gaps.append(piece)
    return gaps


def _read(sentence: str, manner: Manner, *, last: bool) -> set[str]:
    """The classes of a sentence's phrases. Raises Rejected when it is made of others."""
    bare = EMOJI.sub("", sentence).strip()
    if not bare:
        return set()
    words = flatten(bare.rstrip(".!?… "))
    if not words:  # a mark alone would turn what stands before it into something else
        raise Rejected("unfinished")
    _check_names(words)
    said = " ".join(words.replace(NAME, " ").split())
    if forbidden := manner.forbids(said):
        raise Rejected(forbidden)
    classes = manner.read(said)
    if classes is None or (said and not classes):
        raise Rejected("words")
    # Half a sentence before a slot would change what the slot says
    if not last and sentence[-1] not in _ENDS:
        raise Rejected("unfinished")
    if ("?" in bare) != ("ask" in classes):
        raise Rejected("question")
    if any(c.isupper() for w in bare.split() if not _I.match(w) for c in w[1:]):
        raise Rejected("capitals")
    return classes


def _check_names(words: str) -> None:
    """A name stands apart from the letters around it."""
    for one, other in pairwise(words):
        if NAME in one + other and (one.isalnum() or other.isalnum() or one == other):
            raise Rejected("slots")


def _check_manners(
    classes: Sequence[Sequence[set[str]]],
    sentences: Sequence[Sequence[str]],
    written: Written,
    manner: Manner,
) -> None:
    """The tone is that of the written reply, and nothing is added that it does not say."""
    found = [each for gap in classes for each in gap]
    said = set().union(*found)
    meant = _classes_of(written.frame, manner)
    if said & _ONLY_LIKE - meant or meant & _KEPT - said:
        raise Rejected("tone")
    if _SORRY.search(written.text):
        if said & _GLAD or any(c in _GAY for gap in sentences for s in gap for c in s):
            raise Rejected("tone")
    elif "feel" in said:
        raise Rejected("tone")
    if len([c for c in found if c]) > MOST_SENTENCES + _count_free(written.frame):
        raise Rejected("length")
    if sum("greeting" in c for c in found) > 1 or sum("closing" in c for c in found) > 2:
        raise Rejected("order")
    places = [n for n, gap in enumerate(classes) for c in gap if "greeting" in c]
    leaves = [n for n, gap in enumerate(classes) for c in gap if "closing" in c]
    if any(places) or any(n < len(classes) - 1 for n in leaves):
        raise Rejected("order")


def _count_free(frame: str) -> int:
    return len([s for s in _SENTENCE.findall(SLOT.sub(" ", frame)) if flatten(s)])


def _classes_of(frame: str, manner: Manner) -> set[str]:
    """What the free sentences of the written reply say."""
    found: set[str] = set()
    for sentence in _SENTENCE.findall(SLOT.sub(" ", frame)):
        words = flatten(EMOJI.sub("", sentence).rstrip(".!?… "))
        found |= manner.read(words) or set()
    return found


def _fill(pieces: Sequence[str], written: Written) -> str:
    """The pieces around the slots' own texts; nothing of those is read again."""
    said = pieces[0]
    for slot, piece in zip(written.slots, pieces[1:], strict=True):
        if slot.name:
            said += slot.text + piece
        else:
            said = f"{said.rstrip()} {slot.text} {piece.lstrip()}"
    text = said.strip()
    # As a text message, which it may be sent as
    room = max(LONGEST, count_segments(fit_text(written.text)).count)
    if count_segments(fit_text(text)).count > room:
        raise Rejected("length")
    return text
