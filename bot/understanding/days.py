"""The days that a text names: "demain", "samedi en huit", "le 22/01", "in two weeks"."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from rapidfuzz.distance import OSA

from bot.understanding.numbers import NUMBER, number

WEEKDAYS = {
    "lundi": 0, "lundy": 0, "monday": 0, "mardi": 1, "mardy": 1, "tuesday": 1, "tues": 1,
    "mercredi": 2, "mecredi": 2, "mercedi": 2, "wednesday": 2, "jeudi": 3, "thursday": 3,
    "thurs": 3, "vendredi": 4, "vendredit": 4, "vendrdi": 4, "friday": 4, "samedi": 5,
    "samdi": 5, "samedie": 5, "vendr": 4, "merc": 2, "saturday": 5, "dimanche": 6,
    "dimanch": 6, "sunday": 6,
}  # fmt: skip
# Too short to stand alone ("mer", "sun", "mon"): days only with an hour or a date behind.
_SHORT = {
    "lun": 0, "mar": 1, "mer": 2, "jeu": 3, "ven": 4, "sam": 5, "dim": 6,
    "tue": 1, "wed": 2, "thu": 3, "fri": 4, "sat": 5,
}  # fmt: skip
MONTHS = {
    "janvier": 1, "janv": 1, "january": 1, "jan": 1, "fevrier": 2, "fevr": 2, "fev": 2,
    "february": 2, "feb": 2, "mars": 3, "march": 3, "avril": 4, "avr": 4, "april": 4, "apr": 4,
    "mai": 5, "may": 5, "juin": 6, "june": 6, "jun": 6, "juillet": 7, "juil": 7, "july": 7,
    "jul": 7, "aout": 8, "august": 8, "aug": 8, "septembre": 9, "september": 9, "sept": 9,
    "sep": 9, "octobre": 10, "october": 10, "oct": 10, "novembre": 11, "november": 11,
    "nov": 11, "decembre": 12, "december": 12, "dec": 12,
}  # fmt: skip
# A bare date more than this far ahead was one in the past ("commandé le 10/12").
_FAR = timedelta(days=200)


@dataclass(frozen=True)
class Days:
    """One day, or the days from `first` to `last`. `past` when it is certainly over,
    `today` when this very day was named, `loose` when it may as well be something else
    ("le 2", "within a month")."""

    first: date
    last: date
    past: bool = False
    today: bool = False
    loose: bool = False


Reader = Callable[[re.Match[str], date], Days | None]


def _day(day: date) -> Days:
    return Days(day, day)


def any_of(names: Iterable[str]) -> str:
    """A pattern for any of these words, the longest first."""
    return "(?:" + "|".join(sorted(names, key=len, reverse=True)) + ")"


def read_date(day: int, month: int, year: int | None, today: date) -> Days | None:
    """That date, of the year it is nearest ahead in; over when it was not long ago."""
    try:
        if year is not None:
            found = date(year + 2000 if year < 100 else year, month, day)
            return Days(found, found, past=found < today)
        found = date(today.year, month, day)
        ahead = found if found >= today else date(today.year + 1, month, day)
    except ValueError:  # the 31st of a month of 30
        return None
    return _day(ahead) if ahead - today <= _FAR else Days(found, found, past=True)


def _this_or_next_month(day: int, today: date) -> date | None:
    for ahead in range(62):
        found = today + timedelta(days=ahead)
        if found.day == day:
            return found
    return None


# --- week-days ----------------------------------------------------------------------------

# A number behind a week-day is a date unless an hour, a price or a size follows from it.
_NO_HOUR = (
    r"(?!\d|\s*(?:h\b|h\d|heures?|hrs?\b|:\d|[ap]\.?m\b|€|eur|[.,]\d|o'clock|ans\b|%)"
    r"|\s*(?:-|/|ou|et|to)\s*\d+\s*(?:h|heures?|[ap]m)\b)"
)
_AFTER = (
    r"prochaine?s?|pro|qui (?:vient|arrive)|suivante?|a venir|en huit|en 8|en quinze|en 15"
    r"|derniere?|passé|d'avant|last week|next week|(?:de )?la semaine (?:prochaine|pro|d'apres)"
    r"|(?:de )?la semaine (?:derniere|passee)|(?:de )?cette semaine|week"
)
_WEEKDAY = re.compile(
    rf"(?P<ahead>\ba week on\s+)?(?:\b(?P<before>ce|this|next|last|the coming)\s+)?"
    rf"(?<![\w'])(?P<day>{any_of(WEEKDAYS)})\b"
    rf"(?:\s+(?:the\s+)?(?P<number>1er|[0-3]?\d)(?:st|nd|rd|th)?\b{_NO_HOUR}"
    rf"(?:\s*/\s*(?P<figure>[01]?\d)\b|\s+(?:of\s+)?(?P<month>{any_of(MONTHS)})\b)?"
    r"(?:[\s/]+(?P<year>20\d\d)\b)?)?"
    rf"(?:[\s,]+(?P<after>{_AFTER})\b)?"
)
_SHORT_DAY = re.compile(
    rf"(?<![\w'-])(?P<day>{any_of(_SHORT)})\.?(?=\s+(?:(?:at|a|vers"
    rf"|the)\s+)?(?:\d{{1,2}}\s*(?:h\b|h\d|:\d|am\b|pm\b)"
    r"|mat\b|matin\b|aprem\b|aprm\b|soir\b|morning\b|afternoon\b|evening\b"
    r"|[0-3]?\d\s+(?:a|vers|at|around)\s+\d{1,2}\s*(?:h\b|h\d|:\d|am\b|pm\b)"
    r"|[0-3]?\d(?:st|nd|rd|th)\b))"
    r"(?:\s+(?P<number>[0-3]?\d)(?:(?:st|nd|rd|th)\b|(?=\s+(?:a|vers|at|around)\s)))?"
    r"(?P<figure>)(?P<month>)(?P<year>)"
)


def _coming(found: re.Match[str], today: date) -> date:
    """The next such week-day after today."""
    wanted = {**WEEKDAYS, **_SHORT}[found["day"]]
    return today + timedelta(days=(wanted - today.weekday() - 1) % 7 + 1)


def _read_weekday(found: re.Match[str], today: date) -> Days | None:
    wanted = {**WEEKDAYS, **_SHORT}[found["day"]]
    groups = found.groupdict()
    after = groups.get("after") or ""
    if groups.get("number"):
        return _dated_weekday(found, wanted, today)
    coming = _coming(found, today)
    if groups.get("before") == "last" or re.search(r"dernier|pass|d'avant|last", after):
        last = coming - timedelta(days=14 if wanted == today.weekday() else 7)
        return Days(last, last, past=True)
    monday = today - timedelta(days=today.weekday())
    if "semaine" in after or after == "next week":
        weeks = 0 if "cette" in after else 1
        found_day = monday + timedelta(days=7 * weeks + wanted)
        return Days(found_day, found_day, past=found_day < today)
    if groups.get("before") in {"ce", "this"} and wanted == today.weekday():
        return Days(today, today, today=True)
    beside = coming - today <= timedelta(days=1)
    if beside and re.match(r"prochain|pro\b", after):
        return None  # "mardi prochain" said on a Monday: one would have said tomorrow
    if groups.get("before") == "next" and coming <= monday + timedelta(days=6):
        return None  # "next Saturday" said on a Thursday: two days or nine
    if wanted == today.weekday() and re.match(r"en\b|week", after):
        return None  # "jeudi en huit" said on a Thursday: one week or two
    if re.fullmatch(r"en (?:huit|8)|week", after) or groups.get("ahead"):
        return _day(coming + timedelta(days=7))
    if re.fullmatch(r"en (?:quinze|15)", after):
        return _day(coming + timedelta(days=14))
    return _day(coming)


def _dated_weekday(found: re.Match[str], wanted: int, today: date) -> Days | None:
    """ "Mardi 21": the day and the date must agree, or neither is believed."""
    day = int(found["number"].removesuffix("er"))
    month = int(found["figure"]) if found["figure"] else MONTHS.get(found["month"] or "")
    if month is not None:
        said = read_date(day, month, int(found["year"]) if found["year"] else None, today)
        return said if said and said.first.weekday() == wanted else None
    ahead = _this_or_next_month(day, today)
    if ahead and ahead.weekday() == wanted and ahead - today <= timedelta(days=31):
        return _day(ahead)
    for back in range(1, 29):
        behind = today - timedelta(days=back)
        if behind.day == day and behind.weekday() == wanted:
            return Days(behind, behind, past=True)
    return None


# --- dates, spans of days, today and its neighbours ---------------------------------------


def _read_written(found: re.Match[str], today: date) -> Days | None:
    year = int(found["year"]) if found["year"] else None
    number = found["number"].replace("premier", "1").removesuffix("er")
    return read_date(int(number), MONTHS[found["month"]], year, today)


def _read_figures(found: re.Match[str], today: date) -> Days | None:
    year = int(found["year"]) if found["year"] else None
    days = read_date(int(found["number"]), int(found["figure"]), year, today)
    rating = found["figure"] in {"5", "10"} and int(found["number"]) <= int(found["figure"])
    said = re.search(r"\b(?:le|du|au|the|on|pour le)\s+$", found.string[: found.start()])
    return None if rating and not said and not year else days


_NTH = {"premier": 0, "1er": 0, "first": 0, "deuxieme": 1, "second": 1, "2eme": 1, "2e": 1,
        "troisieme": 2, "third": 2, "3eme": 2, "3e": 2, "dernier": -1, "last": -1}  # fmt: skip


def _read_nth(found: re.Match[str], today: date) -> Days | None:
    """ "Le premier samedi de février", of the year it is ahead in."""
    month = MONTHS[found["nth_month"]]
    first = date(today.year + (month < today.month), month, 1)
    days = [first + timedelta(days=n) for n in range(31)]
    same = [d for d in days if d.month == month and d.weekday() == WEEKDAYS[found["nth_day"]]]
    day = same[_NTH[found["nth"]]]
    return Days(day, day, past=day < today)


def _read_of_month(found: re.Match[str], today: date) -> Days | None:
    day = number(found["number"].removesuffix("er"))
    ahead = _this_or_next_month(day, today) if day else None
    return Days(ahead, ahead, loose=True) if ahead else None


def _read_in(found: re.Match[str], today: date) -> Days | None:
    count = number(found["count"])
    if count is None or count > 90:
        return None
    if found["unit"].startswith(("sem", "wee")):
        ahead = today + timedelta(weeks=count)
    elif found["unit"].startswith("mo"):
        ahead = today + timedelta(days=30 * count)
        for near in range(-3, 4):  # the same day of the month, where there is one
            if (ahead + timedelta(days=near)).day == today.day:
                ahead += timedelta(days=near)
                break
    else:
        # "dans huit jours" is a week, "dans quinze jours" two
        count = {8: 7, 15: 14}.get(count, count)
        ahead = today + timedelta(days=count)
    way = found.groupdict().get("way") or ""
    if way in {"d'ici", "within"}:
        return Days(today, ahead, loose=True)
    return Days(ahead, ahead, loose=True)


def _read_weekend(found: re.Match[str], today: date) -> Days | None:
    saturday = today + timedelta(days=5 - today.weekday())
    if found["last"]:
        return Days(saturday, saturday, past=True)
    if found["next"] or found["before"] == "next":
        saturday += timedelta(days=7)
    return Days(max(saturday, today), saturday + timedelta(days=1))


def _read_week(found: re.Match[str], today: date) -> Days | None:
    weeks = 2 if found["two"] else 1
    monday = today + timedelta(days=7 * weeks - today.weekday())
    part = found["part"] or ""
    if re.search(r"debut|early|beginning|start", part):
        return Days(monday, monday + timedelta(days=1))
    if re.search(r"milieu|mid", part):
        return Days(monday + timedelta(days=2), monday + timedelta(days=2))
    if re.search(r"fin|end|late", part):
        return Days(monday + timedelta(days=4), monday + timedelta(days=5))
    return Days(monday, monday + timedelta(days=6))


def _read_this_week(found: re.Match[str], today: date) -> Days | None:
    sunday = today + timedelta(days=6 - today.weekday())
    if re.search(r"fin|end|late", found[0]):
        friday = max(today, sunday - timedelta(days=2))
        return Days(friday, max(friday, sunday - timedelta(days=1)))
    return Days(today, sunday)


def _past(back: int) -> Reader:
    def read(found: re.Match[str], today: date) -> Days:
        day = today - timedelta(days=back)
        return Days(day, day, past=True)

    return read


_YEAR = r"(?:[\s/.]+(?P<year>20\d\d))?"
_PART = (
    r"(?:(?P<part>debut|milieu|fin|early|mid|late|(?:the )?(?:beginning|start"
    r"|end) of)\s+(?:de\s+)?)?"
)
_UNIT = r"(?P<unit>jours?|jrs?|j|semaines?|sem|mois|days?|weeks?|months?)"
_SPOKEN_DATE = (
    r"(?:onze|douze|treize|quatorze|quinze|seize|dix[- ]sept|dix[- ]huit|dix[- ]neuf|vingt"
    r"[- ](?:et[- ])?(?:une?|deux|trois|quatre|cinq|six|sept|huit|neuf)|vingt|trente[- ]et[- ]un"
    r"|trente)"
)
_PATTERNS: tuple[tuple[re.Pattern[str], Reader], ...] = tuple(
    (re.compile(pattern), read)
    for pattern, read in (
        (
            r"\baujourd\s?'?\s?hui\b|\baujourd?ui\b|\bajourd'?hui\b|\b(?:ajd|auj|ajrd|aujd"
            r"|ojd|ojrd)\b"
            r"|\btoday\b|\btdy\b|\bthis day\b|\bce jour\b|\b(?:dans|ds) la journee\b(?! de)"
            r"|\bjournee meme\b",
            lambda found, today: Days(today, today, today=True),
        ),
        (
            r"(?<!apres )(?<!apres-)(?<!\bap )\b(?:2?de?main|2m1|dm1|2min|dem1|2main|demin"
            r"|dmin|demian|demein|dem"
            r"|tomorrow|tomorow|tommorow|tommorrow|tmrw|tmr|tmw|2moro|tomoz|2mo"
            r"|2morrow)\b(?P<week> en huit)?",
            lambda found, today: _day(today + timedelta(days=8 if found["week"] else 1)),
        ),
        (
            r"\b(?:apres|apre|ap|apr)[ -]?(?:2?de?main|2m1|dem1|dem)\b"
            r"|\b(?:the )?day after tomorrow\b|\bapresdemain\b",
            lambda found, today: _day(today + timedelta(days=2)),
        ),
        (r"\b(?:hier|yesterday|yest)\b|\blast night\b", _past(1)),
        (r"\bavant[ -]hier\b|\b(?:the )?day before yesterday\b|\bl'autre jour\b", _past(2)),
        (
            r"\b(?:la )?semaine (?:derniere|passee|d'avant)\b|\blast week\b|\bcette annee\b",
            _past(7),
        ),
        (_WEEKDAY.pattern, _read_weekday),
        (_SHORT_DAY.pattern, _read_weekday),
        (
            rf"\b(?P<nth>{any_of(_NTH)})\s+(?P<nth_day>{any_of(WEEKDAYS)})\s+"
            rf"(?:de|d'|du mois de|of|in)\s*(?P<nth_month>{any_of(MONTHS)})\b",
            _read_nth,
        ),
        (
            rf"\b(?:(?:the|le)\s+)?(?P<number>1er|premier|[0-3]?\d)(?:st|nd|rd|th)?\s+(?:of\s+)?"
            rf"(?P<month>{any_of(MONTHS)})\b{_YEAR}",
            _read_written,
        ),
        (
            rf"\b(?P<month>{any_of(MONTHS)})\s+(?:the\s+)?(?P<number>[0-3]?\d)(?:st|nd|rd"
            rf"|th)?\b{_NO_HOUR}{_YEAR}",
            _read_written,
        ),
        (
            r"(?<![\d/.,])(?P<number>[0-3]?\d)\s?/\s?(?P<figure>[01]?\d)"
            r"(?:/(?P<year>20\d\d|\d\d))?(?![\d/]|\s*h\b|h\d)",
            _read_figures,
        ),
        (r"\b(?P<number>[0-3]\d)\.(?P<figure>[01]\d)\.(?P<year>20\d\d|\d\d)\b", _read_figures),
        (
            rf"\b(?:le|the|au)\s+(?P<number>1er|[12]?\d|3[01])(?P<th>st|nd|rd|th)?\b{_NO_HOUR}"
            rf"(?!\s*(?:/|\.\d|-\s*\d|{any_of(MONTHS)}\b|,?\s*(?:bis\s+)?(?:rue|av|avenue"
            rf"|bd|boulevard|place|quai|cours|allee|chemin)\b))",
            _read_of_month,
        ),
        (
            rf"\b(?:le|au)\s+(?P<number>{_SPOKEN_DATE})\b(?!\s+(?:heures?|exemplaires|euros))",
            _read_of_month,
        ),
        (rf"\b(?P<way>dans|ds|in|d'ici|within)\s+(?P<count>{NUMBER})\s*{_UNIT}\b", _read_in),
        (r"\bd'aujourd'?\s?hui en (?P<count>huit|quinze)(?P<unit>)", _read_in),
        (
            r"\b(?:(?P<before>ce|le|the|this|next|un|du)\s+)(?:week[ -]?end|wk?e?|wkd|weekend)\b"
            r"(?:\s+(?:(?P<next>prochain|pro|suivant|d'apres)|(?P<last>dernier|passé|d'avant)))?",
            _read_weekend,
        ),
        (
            rf"\b{_PART}(?:la\s+)?(?:semaine\s+(?:prochaine|pro|suivante|qui vient)"
            r"|sem\s+(?:prochaine|pro)|next week|(?P<two>week after next|semaine d'apres))\b",
            _read_week,
        ),
        (
            r"\b(?:dans la|cette|en fin de|courant de la|this|later this"
            r"|end of the) (?:semaine|week)\b(?! (?:pro|suiv|qui v|d'ap|dern))"
            r"|\b(?:later|end of) this week\b",
            _read_this_week,
        ),
    )
)


_FROM_TO = re.compile(r"\s*a\s*\d{1,2}\s*(?:h|heures)")


_WORD = re.compile(r"(?<![\w'])[a-z]{4,10}(?![\w'])")
_NAMES = (
    "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche", "demain", "monday",
    "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "tomorrow",
)  # fmt: skip
_FIRST_LETTERS = frozenset(name[0] for name in _NAMES)
_NO_DAYS = frozenset(("domain", "sundae", "mari", "sundry", "demeain"))


@lru_cache(maxsize=4096)
def _misspelt(word: str) -> str | None:
    """The day that `word` is one letter away from: "vendrdi", "saterday", "demaim"."""
    if word[0] not in _FIRST_LETTERS or word in _NO_DAYS or word in WEEKDAYS or word.endswith("s"):
        return None
    near = (n for n in _NAMES if n[0] == word[0] and OSA.distance(n, word, score_cutoff=1) == 1)
    return next(near, None)


def _find_misspelt(text: str, today: date) -> Iterator[tuple[int, int, Days | None]]:
    for found in _WORD.finditer(text):
        name = _misspelt(found[0])
        if name in {"demain", "tomorrow"}:
            after = re.search(r"\bapre?s?[ -]?$", text[: found.start()])
            yield found.start(), found.end(), _day(today + timedelta(days=2 if after else 1))
        elif name is not None:
            ahead = (WEEKDAYS[name] - today.weekday() - 1) % 7 + 1
            yield found.start(), found.end(), _day(today + timedelta(days=ahead))


def find_days(text: str, today: date) -> Iterator[tuple[int, int, Days | None]]:
    """Every day named in a folded text: where, and which. None: named, but not to be
    believed ("mardi 22" when the 22nd is a Wednesday)."""
    yield from _find_misspelt(text, today)
    for pattern, read in _PATTERNS:
        for found in pattern.finditer(text):
            days = read(found, today)
            if days is None and read is _read_weekday and _FROM_TO.match(text, found.end()):
                # "samedi 14 à 16h": no date, two hours
                yield found.start(), found.end("day"), _day(_coming(found, today))
            else:
                yield found.start(), found.end(), days
