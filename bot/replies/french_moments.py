"""How French says days, hours, prices and lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from babel.dates import format_date
from babel.numbers import format_currency

from bot.hours import OpeningHours
from bot.turn import TimeSpan
from connectors.ports import Money

WEEKDAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")


def hour(at: datetime | time) -> str:
    """« 18h », « 17h30 »"""
    return f"{at.hour}h{at.minute:02}" if at.minute else f"{at.hour}h"


def day(at: datetime, now: datetime) -> str:
    """« aujourd'hui », « demain », « samedi », « samedi 25 janvier »"""
    away = (at.date() - now.date()).days
    if away == 0:
        return "aujourd'hui"
    if away == 1:
        return "demain"
    if 1 < away < 7:
        return format_date(at, "EEEE", locale="fr")
    return format_date(at, "EEEE d MMMM", locale="fr").replace(" 1 ", " 1er ")


def moment(at: datetime, now: datetime) -> str:
    """« ce soir 18h », « demain 18h », « samedi 25 janvier à 18h »"""
    if at.date() == now.date():
        return f"{'ce soir' if at.hour >= 18 else 'aujourd' + chr(39) + 'hui'} {hour(at)}"
    far = (at.date() - now.date()).days >= 7
    return f"{day(at, now)}{' à' if far else ''} {hour(at)}"


def deadline(at: datetime, now: datetime) -> str:
    """Behind « jusqu'à » and « avant »: « 16h » of today, « ce soir 18h », « demain 18h »"""
    return hour(at) if at.date() == now.date() and at.hour < 18 else moment(at, now)


def part(span: TimeSpan) -> str:
    """The part of a day that a range is: « matin », « après-midi », « soir » or ""."""
    assert span.end is not None
    if span.end - span.start > timedelta(hours=7):
        return ""
    if span.end.hour <= 13:
        return "matin" if span.start.hour < 12 else "midi"
    return "après-midi" if span.start.hour < 17 else "soir"


SOON = timedelta(hours=2)  # whoever comes within it comes « tout à l'heure »


def meeting(span: TimeSpan, now: datetime) -> str:
    """When someone comes: « ce soir », « demain 11h », « samedi », « jeudi matin »"""
    if span.start.date() == now.date():
        if span.start.hour >= 17 and (span.end or span.start - now > SOON):
            return "ce soir"
        return "tout à l'heure"
    if span.end is None:
        return moment(span.start, now)
    if span.end.date() != span.start.date():
        return f"{day(span.start, now)} ou {day(span.end, now)}"
    return f"{day(span.start, now)} {part(span)}".strip()


def coming(span: TimeSpan, now: datetime) -> str:
    """When someone comes, for the desk: « Aujourd'hui 17h », « samedi matin »"""
    if span.end is None:
        return f"{day(span.start, now)} {hour(span.start)}"
    if span.end.date() != span.start.date():
        return f"{day(span.start, now)}-{day(span.end, now)}"
    return f"{day(span.start, now)} {part(span)}".strip()


def stamp(at: datetime) -> str:
    """« 14/01 18h »"""
    return f"{at:%d/%m} {hour(at)}"


def date_words(day: date) -> str:
    """« 13 janvier », « 1er février »"""
    return format_date(day, "d MMMM", locale="fr").replace("1 ", "1er ", int(day.day == 1))


def on(at: datetime, now: datetime) -> str:
    """When something was, on a day: « aujourd'hui », « hier », « le lundi 13 janvier »"""
    away = (now.date() - at.astimezone(now.tzinfo).date()).days
    if away in (0, 1):
        return ("aujourd'hui", "hier")[away]
    weekday = format_date(at.astimezone(now.tzinfo), "EEEE", locale="fr")
    return f"le {weekday} {date_words(at.astimezone(now.tzinfo).date())}"


def week_runs(runs: Sequence[Mapping[str, Any]]) -> str:
    """« du lundi au samedi de 10h à 19h »"""
    said = []
    for run in runs:
        first, last = WEEKDAYS[run["from"]], WEEKDAYS[run["to"]]
        days = f"le {first}" if first == last else f"du {first} au {last}"
        said.append(f"{days} de {hour(run['open'])} à {hour(run['close'])}")
    return all_of(said)


def week_words(hours: OpeningHours) -> str:
    return week_runs(hours.runs())


def price(money: Money) -> str:
    """« 89 € », « 4,90 € »; a plain space, for text messages"""
    return exact(money).replace(",00", "")


def exact(money: Money) -> str:
    """« 89,00 € »: of a receipt, always to the cent"""
    text = format_currency(
        money.amount, money.currency, locale="fr", format="#,##0.00 ¤", currency_digits=True
    )
    return text.replace("\u202f", " ").replace("\xa0", " ")


def euros(amount: str) -> str:
    return price(Money(Decimal(amount), "EUR"))


def any_of(words: Sequence[str]) -> str:
    """« 36, 38 ou 40 »"""
    return _join(words, "ou")


def all_of(words: Sequence[str]) -> str:
    """« 36, 38 et 40 »"""
    return _join(words, "et")


def some_of(sizes: Sequence[str]) -> str:
    """« du 36, du 38 et du 40 »"""
    return all_of([f"du {size}" for size in sizes])


def _join(words: Sequence[str], last: str) -> str:
    words = [str(word) for word in words]
    return f" {last} ".join(filter(None, [", ".join(words[:-1]), words[-1]])) if words else ""


def de(name: str) -> str:
    """« de CoolLibri », « d'Élégance Paris »"""
    return f"d'{name}" if name[:1].lower() in "aeiouyéèêàâîôûh" else f"de {name}"
