"""The hours that a text names: "17 h 30", "six heures et demie", "5pm", "dans une heure"."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bot.understanding.days import WEEKDAYS, any_of
from bot.understanding.numbers import NUMBER, number


@dataclass(frozen=True)
class Clock:
    """An hour as said. Not `sure`: 5 may still be five in the afternoon."""

    hour: int
    minute: int = 0
    sure: bool = False


@dataclass(frozen=True)
class Relative:
    """So many minutes from now; `within`: at any moment until then."""

    minutes: int
    within: bool = False


Reader = Callable[[re.Match[str]], Clock | Relative | None]

_MINUTES = {"demie": 30, "demi": 30, "quart": 15, "trente": 30, "quinze": 15, "dix": 10,
            "cinq": 5, "vingt": 20, "quarante": 40, "cinquante": 50, "vingt-cinq": 25,
            "trente-cinq": 35, "quarante-cinq": 45, "cinquante-cinq": 55, "moins le quart": -15,
            "moins quart": -15,
            "moins dix": -10, "moins cinq": -5, "moins vingt": -20}  # fmt: skip


def _clock(hour: int, minute: int = 0, sure: bool = False) -> Clock | None:
    total = hour * 60 + minute
    if not 0 < total < 24 * 60 or minute > 59:
        return None
    return Clock(total // 60, total % 60, sure)


def _minute(words: str | None) -> int:
    if not words:
        return 0
    words = words.strip()
    if words.isdecimal():
        return int(words)
    return _MINUTES.get(words.removeprefix("et "), 0) or _MINUTES.get(words.replace(" ", "-"), 0)


def _read_hour(found: re.Match[str]) -> Clock | None:
    """ "17h30", "6 heures et demie", "07:30": a leading zero is the morning."""
    hour = number(found["hour"])
    if hour is None or hour > 23:
        return None
    return _clock(hour, _minute(found["minute"]), sure=found["hour"].startswith("0"))


def _read_half_of_day(found: re.Match[str]) -> Clock | None:
    hour = int(found["hour"])
    if hour > 12:
        return (
            _clock(hour, _minute(found["minute"]), sure=True) if found["half"][0] == "p" else None
        )
    hour = hour % 12 + (12 if found["half"][0] == "p" else 0)
    return _clock(hour, _minute(found["minute"]), sure=True)


def _read_english(found: re.Match[str]) -> Clock | None:
    hour = number(found["hour"])
    if hour is None or hour > 12:
        return None
    minute = {"half": 30, "quarter": 15}[found["share"]]
    if (found["side"] or "past") in {"to", "til"}:
        minute = -minute
    return _clock(hour, minute)


def _read_relative(found: re.Match[str]) -> Relative | None:
    words = re.sub(r"\b(?:petit|bon|gros) (?=quart)", "", found["count"])
    minutes = number(found["more"] or "") or 0
    if found["and_half"]:
        minutes = 30
    if words in {"une demi", "une demie", "1/2", "half an", "la demi", "1 demi", "demi", "half"}:
        total = 30
    elif words in {"un quart d'", "le quart d'", "un quart d ", "1/4 d'", "a quarter of an"}:
        total = 15
    elif words.startswith(("trois quart", "3/4")):
        total = 45
    elif words in {"l'", "the "}:
        total = 60
    else:
        count = number(words.split()[0])
        if count is None:
            return None
        total = count if found["unit"].startswith("m") else count * 60 + minutes
        if found["way"].startswith("d'ici") and found["unit"].startswith("h") and count >= 8:
            return None  # "d'ici 17h"
    within = found["way"] not in {"dans", "ds", "in"} or words in {
        "l'",
        "la demi",
        "the ",
        "le quart d'",
    }
    return Relative(total, within) if 0 < total <= 72 * 60 else None


def _read_minutes(found: re.Match[str]) -> Relative | None:
    count = number(found["count"])
    return Relative(count) if count and count <= 60 else None


def _read_past(found: re.Match[str]) -> Clock | None:
    """ "Twenty past five", "ten to six"."""
    hour, minute = number(found["hour"]), number(found["count"])
    if hour is None or minute is None or hour > 12 or minute > 30:
        return None
    return _clock(hour, minute if found["side"] == "past" else -minute)


def _read_thirty(found: re.Match[str]) -> Clock | None:
    """ "Four thirty"."""
    minutes = {"fifteen": 15, "thirty": 30, "forty-five": 45, "forty five": 45}
    return _clock(number(found["hour"]) or 0, minutes[found["minute"]])


_UNIT = r"(?:(?P<unit>h(?:eures?|ours?|rs?)?|m(?:in(?:ute)?s?|n)?)(?:\b|(?<=h)(?=\d)))"
_RELATIVE = (
    r"\b(?P<way>d'ici(?: a| environ)?|dans|ds|in|within)\s+"
    r"(?:environ |a peu pres |about |genre |max(?:imum)? |moins d'|around |maybe )?"
    r"(?P<count>une? demie?|half an|half|la demi|1/2|1 demi|demi|un (?:petit |bon |gros )?quart d'"
    r"|le quart d'|un quart d |1/4 d'|trois quarts? d[' ]|3/4 d'"
    rf"|a quarter of an|l'|the (?=h)|{NUMBER}(?: petites?| bonnes?| grosses?)?)[ -]?{_UNIT}"
    r"(?:(?P<more>[0-5]\d)\b|(?P<and_half>\s+et demie?))?"
)
_HOURS_OF_DAY = NUMBER.removeprefix(r"(?:\d+|").removesuffix(")")
_MINUTE = (
    r"(?P<minute>[0-5]\d(?!\d)|et\s+demie?|et\s+quart|moins\s+(?:le\s+)?quart"
    r"|moins\s+(?:dix|cinq|vingt)"
    r"|(?<=s )(?:(?:vingt|trente|quarante|cinquante)[- ]cinq|trente|quinze|dix|vingt|quarante"
    r"|cinquante|cinq)(?![\w-]))?"
)
_PREPOSITION = (
    r"(?:a|vers les|vers|avant|apres|des|entre|et|de|pour|environ|sur (?:le coup de|les)"
    r"|autour de|jusqu'a"
    r"|d'ici)"
)
_AT = r"(?:make it|let's say|at|around|about|by|after|before|until|till|from|@)"
# A bare figure is no hour when it counts or costs something
_AFTER_BARE = (
    r"(?!\w|\s*(?:[%€$£:/]|[.,-]\d|euros?|eur\b|pounds?|dollars?|per ?cent|of\b"
    r"|(?:bis )?,? ?(?:rue|street|avenue|place|bd)|am\b|pm\b|ans\b|cm\b|km\b|kg\b"
    r"|(?!(?:works|suits|thanks|plus|as|is|was|this|does|s'il|vous|pls|mais|dans"
    r"|alors)\b)[a-z]{2,}s\b))"
)
_ENGLISH_HOUR = r"(?:1[0-2]|[1-9]|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
_SPOKEN_HOUR = "(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
_PATTERNS: tuple[tuple[re.Pattern[str], Reader], ...] = tuple(
    (re.compile(pattern), read)
    for pattern, read in (
        (_RELATIVE, _read_relative),
        # "be there in 10"
        (
            rf"\b(?:there|here|arriving|arrive|round|over|be back|with you) in (?:about )?"
            rf"(?P<count>{NUMBER})(?=\s*(?:$|[.,!?;\n)]))",
            _read_minutes,
        ),
        (
            rf"\b(?P<count>five|ten|twenty|twenty[- ]five|5|10|20|25)\s+(?:minutes\s+)?"
            rf"(?P<side>past|to)\s+(?P<hour>{_SPOKEN_HOUR}|1[0-2]|[1-9])\b",
            _read_past,
        ),
        (
            rf"(?<!\w)(?P<hour>{_SPOKEN_HOUR})[- ](?P<minute>fifteen|thirty|forty[- ]five)\b"
            r"(?!\s*(?:€|euros?|pounds|copies|books|pages))",
            _read_thirty,
        ),
        (rf"(?<![\w:.,/])(?P<hour>1[0-2]|[1-9]|{_SPOKEN_HOUR})(?P<minute>)[ -]?ish\b", _read_hour),
        (
            rf"(?<![\w:.,/#€$+-])(?P<hour>[01]?\d|2[0-3])\s?(?:h(?:eures?"
            rf"|rs?)?)\s*{_MINUTE}(?![a-z])",
            _read_hour,
        ),
        (
            rf"(?<=[\dh][-/])(?P<hour>[01]?\d|2[0-3])\s?(?:h(?:eures?|rs?)?)\s*{_MINUTE}(?![a-z])",
            _read_hour,
        ),
        (r"(?<![\w:.,/])(?P<hour>[01]?\d|2[0-3])\s?:\s?(?P<minute>[0-5]\d)(?![\d:])", _read_hour),
        (
            rf"\b(?:{_AT}|a|vers)\s+(?P<hour>[01]?\d|2[0-3])\.(?P<minute>[0-5]\d)(?![\d.]"
            rf"|\s*(?:€|eur|cm|%))",
            _read_hour,
        ),
        (
            rf"(?:\b{_PREPOSITION}\s+)(?P<hour>{_HOURS_OF_DAY})\s+heures?\s*{_MINUTE}(?!\w)",
            _read_hour,
        ),
        (
            rf"(?:^|[\n,.!?;(]\s*|\b(?:demain|soir|matin|midi"
            rf"|{any_of(WEEKDAYS)})\s+)(?P<hour>(?!une?\b){_HOURS_OF_DAY})\s+heures?"
            rf"\s*{_MINUTE}(?!\w)",
            _read_hour,
        ),
        (
            rf"(?<!\w)(?P<hour>{_HOURS_OF_DAY})\s+heures?\s+(?P<minute>et\s+demie?"
            rf"|et\s+quart|moins\s+(?:le\s+)?quart)",
            _read_hour,
        ),
        (
            r"(?<![\w:.,/])(?P<hour>1\d|2[0-3]"
            r"|0?\d)(?:[:.h](?P<minute>[0-5]\d))?\s?(?P<half>am|pm|a\.m|p\.m)\b\.?",
            _read_half_of_day,
        ),
        (rf"(?<![\w:.,/])(?P<hour>{NUMBER})\s?o'?\s?clock(?P<minute>)", _read_hour),
        (
            rf"\b(?P<share>half|quarter)\s+(?P<side>past|to|til)\s+(?P<hour>{NUMBER})\b",
            _read_english,
        ),
        (
            rf"\b(?:at|by|around|about|for|after"
            rf"|before)\s+(?P<share>half)\s+(?P<side>)(?P<hour>{NUMBER})\b",
            _read_english,
        ),
        (
            r"(?<!apres[- ])(?<!apres)\b(?:midi|noon|midday)\b(?:\s+(?P<minute>et\s+demie?"
            r"|et\s+quart|trente|moins\s+le\s+quart))?",
            lambda found: _clock(12, _minute(found["minute"]), sure=True),
        ),
        (
            rf"\b{_AT}\s+(?:around "
            rf"|about )?(?P<hour>{_ENGLISH_HOUR})(?:[.:](?P<minute>[0-5]\d))?{_AFTER_BARE}",
            _read_hour,
        ),
        (
            rf"\b(?:vers|autour de|sur les)\s+(?:les\s+)?(?P<hour>1\d|2[01]"
            rf"|[1-9])(?P<minute>){_AFTER_BARE}",
            _read_hour,
        ),
        # "de 14 à 16h", "14-16h", "entre 5 et 6 heures": the first takes the second's unit
        (
            r"(?<![\w:.,/#-])(?P<hour>[01]?\d|2[0-3])(?P<minute>)(?=\s*(?:et|a|-|/|and|to|ou|or)\s*"
            r"(?:[01]?\d|2[0-3])\s?(?:h\b|h\d|heures?|hrs?\b|:\d|[ap]\.?m\b))",
            _read_hour,
        ),
        (
            r"\b(?:entre|between|from)\s+(?P<hour>1?\d|2[0-3])(?P<minute>)(?=\s*(?:et|and"
            r"|to)\s*\d{1,2}\b)",
            _read_hour,
        ),
        (
            r"\b(?:entre|between|from)\s+\d{1,2}\s*(?:et|and|to)\s*(?P<hour>1?\d"
            r"|2[0-3])(?P<minute>)(?!\w|\s*(?:€|eur|%|/|\d))",
            _read_hour,
        ),
    )
)

# "3h de retard", "une heure d'attente", "2h après": how long, not when
_LASTS = re.compile(
    r"\s*(?:de |d')(?!ici|l'apr|apres|demain|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche)"
    r"(?!la (?:mat|jour|soir))|\s*(?:du (?!coup|mat|soir|lun|mar|mer|jeu|ven|sam|dim))"
    r"|\s*(?:que j|plus tard|par (?:jour|semaine)|/\s?(?:24|jour|j\b)|chrono|later|ago"
    r"|avant\b|of\b|late\b"
    r"|de plus|apres(?!-|\s+(?:le|la|l'|les|mon|ma|demain|midi)\b))"
)
_LASTING = re.compile(
    r"(?:\b(?:pendant|depuis|durant|il y a|ya|ca fait|cela fait|en|sous|toutes les"
    r"|tous les|plus de|moins de"
    r"|for|since|every|encore|bout de|delais?|duree|presque|attendu|attends|attendre"
    r"|over|(?<!sur )(?<!vers )les|mes|ses|que|apres que)"
    r"|(?<!partir )(?<!coup )(?<!coups )(?<!autour )(?<!alentours )(?<!dessus )"
    r"(?<!fermeture )(?<!creneau )"
    r"(?<!celui )\bde)\s*$"
)


# "de 14 à 15h": two hours of the day
_FROM_TO = re.compile(r"\s*(?:h\d{0,2}|heures)?\s*(?:a|-)\s*\d{1,2}\s*(?:h|heures)")


def _lasts(text: str, start: int, end: int, clock: Clock) -> bool:
    """Whether it is a duration. 6pm and 17:30 are none, whatever stands before."""
    before = text[max(0, start - 20) : start]
    if _FROM_TO.match(text, end) and re.search(r"(?<!plus )(?<!moins )\bde\s+$", before):
        return False
    if clock.sure and clock.hour >= 12:
        return bool(re.search(r"\b(?:depuis|since)\s*$", before))
    if re.search(r"\bapres\s+$", before) and text.startswith("une ", start):
        return True
    return bool(_LASTS.match(text, end) or _LASTING.search(before))


# What stands before the hour and belongs to the time: "half past", "ten to"
_AHEAD = frozenset(("share", "count"))


def find_clocks(text: str) -> Iterator[tuple[int, int, Clock | Relative | None]]:
    """Every hour and "dans une heure" in a folded text, overlapping ones too: where, and
    which. None: looks like one and is none (25h, "3h de retard")."""
    for pattern, read in _PATTERNS:
        for found in pattern.finditer(text):
            start = found.start()
            if "hour" in pattern.groupindex and not _AHEAD & pattern.groupindex.keys():
                start = found.start("hour")
            said = read(found)
            if said is None and read in {_read_relative, _read_minutes}:
                continue
            if isinstance(said, Clock) and _lasts(text, start, found.end(), said):
                said = None
            yield start, found.end(), said
