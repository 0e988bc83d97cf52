"""When the customer comes: the times that a text names, and which of them is meant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from bot.turn import Context, TimeSpan
from bot.understanding.clocks import Clock, Relative, find_clocks
from bot.understanding.dayparts import Bound, Moment, Part, find_dayparts
from bot.understanding.days import WEEKDAYS, Days, any_of, find_days
from bot.understanding.roles import Role, Said
from bot.understanding.spans import Resolver, When

Atom = Clock | Part | Relative | Moment | Bound
Piece = tuple[int, int, Atom | Days | None]

# What may stand between the parts of one time: "demain, en fin de matinée, vers 11h".
_FILL = re.compile(
    r"[\s,(]*(?:(?:a|au|aux|le|la|l'|les|en|dans|vers|pour|de|du|d'|at|around|about|in"
    r"|the|on|for|environ|autour|genre"
    r"|coups?|plutot|donc|alentours|sur|of|any ?time|some ?time|disons|say|maybe|peut-etre"
    r"|meme|et|then|entre|between|from)[\s,]*)*"
)
_TO = re.compile(r"\s*(?:et|a|-|/|and|to|jusqu'a|au)\s*(?:les |around |vers )?")
_OR = re.compile(r"\s*(?:ou|or|voire)\s*(?:a |at |vers |plutot )?")
_LATEST = re.compile(
    r"\s*(?:grand )?(?:maxi?|maximum|au plus tard|dernier delai|at the latest"
    r"|latest)\b"
)
# The whole answer to "Tu passes quand ?"
_ONLY_HOUR = re.compile(
    r"\W*(?:(?:a|vers|plutot|at|around"
    r"|sur les)\s+)*(?P<hour>\d{1,2})(?:[.,:](?P<minute>[0-5]\d)|\s(?P<share>et demie?|et quart))?"
    r"\W*"
)
# "late Saturday afternoon" is as long the other way round
_LATE_DAY = re.compile(
    rf"\b(?P<part>late|early) (?P<day>{any_of(WEEKDAYS)}|tomorrow)(?= (?:morning|afternoon)\b)"
)
_MOST = 12  # a message that names more times settles on none
_ONE_DAY_OR = 120  # minutes between two hours that "ou" makes a range of


def find_whens(
    text: str, today: date, asked: str | None = None, taken: Sequence[tuple[int, int]] = ()
) -> list[When]:
    """The times named in a folded text, in order; none in `taken` ("une soirée")."""
    text = _LATE_DAY.sub(r"\g<day> \g<part>", text)
    only = _ONLY_HOUR.fullmatch(text) if asked == "pickup_time" else None
    if only:
        share = {"d": 30, "q": 15}[only["share"][3]] if only["share"] else 0
        clock = Clock(int(only["hour"]), int(only["minute"] or share))
        return [When(*only.span(), clock=clock)] if clock.hour < 24 else []
    whens: list[When] = []
    current: When | None = None
    for start, end, value in _pieces(text, today, taken):
        joined = _join(text, current, start, end, value) if current else None
        if joined is None:
            whens += [current] if current else []
            joined = _add(When(start, end), start, end, value, text)
        current = joined
    whens += [current] if current else []
    return [_closed(text, w) for w in whens if _says_something(w)][:_MOST]


def _pieces(text: str, today: date, taken: Sequence[tuple[int, int]]) -> list[Piece]:
    """What was found, the longer where two overlap, in order."""
    found: list[Piece] = [*find_days(text, today), *find_clocks(text), *find_dayparts(text)]
    found = [p for p in found if all(p[1] <= start or end <= p[0] for start, end in taken)]
    found.sort(key=lambda piece: (piece[0] - piece[1], piece[0]))
    kept: list[Piece] = []
    for piece in found:
        if all(piece[1] <= start or end <= piece[0] for start, end, _ in kept):
            kept.append(piece)
    return sorted(kept, key=lambda piece: piece[0])


def _says_something(when: When) -> bool:
    known = (when.days, when.part, when.clock, when.relative, when.moment)
    return any(known) or when.broken


def _closed(text: str, when: When) -> When:
    latest = _LATEST.match(text, when.end)
    if latest and not when.bound:
        return replace(when, end=latest.end(), bound=Bound("by"))
    return when


def _join(text: str, when: When, start: int, end: int, value: Atom | Days | None) -> When | None:
    """`when` with one more piece, or None when that begins another time."""
    gap = text[when.end : start]
    if isinstance(value, Clock) and when.clock and not when.until:
        far = abs(_minutes(value) - _minutes(when.clock))
        if _TO.fullmatch(gap) or (_OR.fullmatch(gap) and 0 < far <= _ONE_DAY_OR):
            bound = when.bound if when.bound and when.bound.name != "until" else None
            return replace(when, end=end, until=value, bound=bound)
        return None
    if "\n" in gap or not _FILL.fullmatch(gap):
        return None
    if value is None:
        return None
    if isinstance(value, Bound):
        if when.bound or (when.clock and value.name != "until"):
            return None
        return replace(when, end=end, bound=value, inner=when.days is not None)
    if isinstance(value, Relative) or when.relative:
        return None
    taken = {Days: when.days, Part: when.part, Clock: when.clock, Moment: when.moment}
    if taken[type(value)] is not None or _other_day(when, value):
        return None
    if re.search(r"\bet\b", gap):
        return None
    return _add(when, start, end, value, text)


def _other_day(when: When, value: Atom | Days) -> bool:
    """ "Ce soir, samedi 11h" are two days."""
    if isinstance(value, Days):
        here = when.this or (when.part is not None and when.part.this)
        return here and not value.today
    return isinstance(value, Part) and value.this and when.days is not None and not when.days.today


def _minutes(clock: Clock) -> int:
    return clock.hour * 60 + clock.minute


def _add(when: When, start: int, end: int, value: Atom | Days | None, text: str) -> When:
    when = replace(when, end=end)
    match value:
        case Days():
            inner = when.inner or (when.bound is not None and when.clock is not None)
            return replace(when, days=value, inner=inner)
        case Part():
            return replace(when, part=value)
        case Clock():
            this = text[max(0, start - 3) : start] == "ce "
            return replace(when, clock=value, this=when.this or this)
        case Relative():
            return replace(when, relative=value)
        case Moment():
            return replace(when, moment=value)
        case Bound():
            return replace(when, bound=value)
        case None:
            return replace(when, broken=True)


# --- which of them is meant ---------------------------------------------------------------

_CORRECTION = re.compile(
    r"\b(?:plutot|finalement|en fait|non|enfin|pardon|oups|je voulais dire|mais"
    r"|au pire|sinon|disons|actually|sorry"
    r"|rather|instead|i mean|scratch that|make it|no|voire|changement|changer|desolee?"
    r"|euh|correction|erreur|du coup)\b"
)
_ALTERNATIVE = re.compile(r"\b(?:ou|or|soit|either)\b(?! (?:plutot|finalement|en fait|rather))|/")
# "à demain" takes leave; it is a time only when one was asked for
_SEE_YOU = re.compile(r"(?:^|[\s,.!?;])(?:a|see you|see u|c u|cya|until)\s*$")
_GENERIC = re.compile(r"(?:^|\W)(?:le|du|au|les|(?<!in )the)\s+$")
_WISHED = re.compile(r"\b(?:bon|bonne|good|belle|happy|joyeux|lovely|nice|great|excellent)\s+$")
_QUALIFIED = re.compile(r"\b(?:dans (?:la |l'|l)?|en|in the|during the|courant de|courant)\s*$")
_UNTIL_WHEN = re.compile(
    r"\bjusqu'?a? ?qu(?:and|'a quand|elle heure)|\buntil (?:when|what)|\bwhat time"
)
_UNIT = re.compile(r"jour|sem|mois|day|week|month")
_STOP = re.compile(r"[!?;\n…]|\.(?!\d)")
_ASKED = {"pickup_time", "reservation_offer"}
_MOST_IDLE = 1


def read_pickup(text: str, said: Sequence[Said], context: Context) -> TimeSpan | None:
    """When the customer comes, by what a folded text says of its times. None in doubt."""
    resolver = Resolver(context.now.astimezone(context.hours.zone), context.hours)
    usable = [s for s in said if _usable(text, s, context.asked)]
    usable = [s for s in usable if resolver.resolve(s.when) is not None or not s.when.dated]
    if any(s.role == "coming" for s in usable):
        # what goes with a coming may be named apart: "demain. Je passe vers 17h"
        held = [s for s in usable if s.role == "hold"]
        usable = [s for s in usable if s.role != "hold"]
    else:
        held = []
    meant = _settle(text, usable, resolver)
    if meant is None:
        return None
    if not meant.dated:
        meant = replace(meant, days=_day_said(text, meant, said, held))
    return resolver.resolve(meant)


def _usable(text: str, said: Said, asked: str | None) -> bool:
    when, before = said.when, text[max(0, said.when.start - 12) : said.when.start]
    if when.broken or _WISHED.search(before):
        return False
    role = said.role
    if asked in _ASKED and role == "other" and not said.near:
        role = "none"
    if role not in {"coming", "hold", "none"}:
        return False
    if asked in _ASKED:
        return True
    if _bare_part(when) and _GENERIC.search(before):
        return False
    if when.bound and when.bound.name == "until" and role == "coming":
        return False
    if role == "hold" and _UNTIL_WHEN.search(_sentence(text, when)):
        return False
    return role != "none" or _plain_answer(text, said, before)


def _sentence(text: str, when: When) -> str:
    start = max((m.end() for m in _STOP.finditer(text, 0, when.start)), default=0)
    stop = _STOP.search(text, when.end)
    return text[start : stop.start() if stop else len(text)]


def _bare_part(when: When) -> bool:
    """ "Matin", "le soir": of no day in particular."""
    return when.part is not None and not when.dated and not when.clock


def _plain_answer(text: str, said: Said, before: str) -> bool:
    """Whether a time of which nothing telling is said is when they come all the same."""
    when = said.when
    until = when.bound is not None and when.bound.name == "until"
    if said.wanted_for or said.idle > (
        _MOST_IDLE if (when.clock or when.relative) and not until else 0
    ):
        return False
    loose = when.days is not None and when.days.loose and not (when.clock or when.part)
    if loose and not _UNIT.search(text, when.start, when.end):
        return False
    if loose and _words(text) > _words(text[when.start : when.end]):
        return False
    if _bare_part(when) and when.part in _PLAIN_PARTS and not _QUALIFIED.search(before):
        return False
    only_day = when.days is not None and not (when.clock or when.part)
    dated = any(c.isdigit() for c in text[when.start : when.end])
    if only_day and not dated and _GENERIC.search(before):
        return False  # "ouvert le lundi ?"
    leave = _SEE_YOU.search(before) and not when.clock
    now = when.moment is not None and when.moment.name == "now"
    return not (leave or now)


_PLAIN_PARTS = (Part("morning"), Part("afternoon"), Part("evening"))


def _words(text: str) -> int:
    return len(re.findall(r"\w+", text))


def _settle(text: str, usable: Sequence[Said], resolver: Resolver) -> When | None:
    """The one time that several make: put together, corrected, or None when they differ."""
    meant: Said | None = None
    torn = False  # between alternatives, until a correction decides
    for said in usable:
        if meant is None:
            meant = said
            continue
        between = text[meant.when.end : said.when.start]
        together = _together(meant.when, said.when)
        corrects = _CORRECTION.search(between) is not None or "\n" in between
        if together is not None and not torn:
            meant = replace(said, when=together, role=_stronger(meant, said))
        elif _ALTERNATIVE.search(between) and not corrects:
            meant, torn = said, True
        elif corrects or (_comes_rather(meant, said) and not torn):
            meant, torn = said, False
        elif meant.role == "coming" and said.role != "coming":
            continue
        elif resolver.resolve(meant.when) != resolver.resolve(said.when):
            return None
    return meant.when if meant and not torn else None


def _comes_rather(one: Said, other: Said) -> bool:
    """ "Samedi je marie ma fille, je passerai vendredi": the coming is told of the other."""
    return other.role == "coming" and (one.role != "coming" or (other.near and not one.near))


def _stronger(one: Said, other: Said) -> Role:
    return "coming" if "coming" in {one.role, other.role} else other.role


def _together(first: When, second: When) -> When | None:
    """A day and an hour said apart, or the same day said again more exactly."""
    if first.relative or second.relative or first.moment or second.moment:
        return None
    if first.days and second.days and first.days != second.days:
        narrowed = _within(first.days, second.days)
        return replace(second, days=narrowed) if narrowed and not first.clock else None
    if second.days is not None and (first.part or first.clock) and not first.dated:
        part, clock = second.part or first.part, second.clock or first.clock
        return replace(second, part=part, clock=clock, until=second.until or first.until)
    if second.dated and second.days != first.days:
        return None
    if second.dated and second.days is None:  # "ce midi ou ce soir"
        return None
    part = second.part or (first.part if second.clock else None)
    return replace(second, days=first.days, part=part, this=first.this or second.this)


def _within(span: Days, day: Days) -> Days | None:
    """ "La semaine prochaine, mardi": that week's."""
    if span.first == span.last or day.first != day.last:
        return None
    for weeks in (0, 1):
        found = day.first + timedelta(weeks=weeks)
        if span.first <= found <= span.last:
            return Days(found, found)
    return None


_INSTEAD = re.compile(
    r"[\s,]*(?:au lieu de|plutot qu[e'] ?a?|instead of|rather than|et non|et pas)\s*"
)


def _day_said(text: str, meant: When, said: Sequence[Said], held: Sequence[Said]) -> Days | None:
    """The day that goes with a bare hour: one until which it shall be kept, one whose
    opening was asked for ("ouverts samedi ? Je passe vers 15h"), a "à samedi !", or one
    that opens the sentence ("demain j'ai cours à 13h mais je peux passer à 14h")."""
    for s in said:
        days = s.when.days
        if days is None or days.past:
            continue
        if s.when.start > meant.start:
            # "17h au lieu de 16h demain"
            taken_back = (s.when.clock or s.when.broken) and not s.when.part
            if taken_back and _INSTEAD.fullmatch(text, meant.end, s.when.start):
                return days
            continue
        leave = s.role == "none" and _SEE_YOU.search(text[: s.when.start])
        same = s.role in {"none", "other"} and not _STOP.search(text, s.when.end, meant.start)
        if s.opening or leave or s in held or same:
            return days
    return None
