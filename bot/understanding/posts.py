"""Products meant by where they were shown: "celle de votre story de mercredi"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from bot.turn import Context
from bot.understanding.days import Days, find_days
from bot.understanding.products import Mention
from connectors.ports import Post

_POSTED = re.compile(
    r"\b(?:postee?s?|postes|posted|posts?|poster|publiee?s?|publication|publier"
    r"|published|stor(?:y|ys|ies)|reels?|insta(?:gram)?|ig\b|facebook|fb|tiktok"
    r"|partagee?s?|mise?s? en ligne|mettre en ligne|shared?|feed)\b"
)
# The post office, and a parcel that was posted
_BY_MAIL = re.compile(
    r"\b(?:la poste|par (?:la )?poste|a la poste|bureau de poste|en poste|post office"
    r"|by post|in the post|postal)\b"
    r"|\b(?:colis|paquet|lettre|retour|parcel|package|commande|order|it|avis"
    r"|commentaire)\b[^.!?\n]{0,20}\b(?:postee?|posted|poste)\b"
    r"|\b(?:posted|poste|postee?) (?:le colis|mon colis|ma commande|my (?:order"
    r"|parcel)|un avis|un commentaire|my order)\b"
)
_LAST = re.compile(
    r"\b(?:dernier|derniere|latest|last|most recent|tout a l'heure"
    r"|nouveau post)\b(?! (?:week|semaine|mois|month))"
)
# What stands for the piece when no word of the trade does
_THE_ONE = re.compile(
    r"\b(?:celle|celui|celles|ceux|la derniere|le dernier|the (?:latest )?(?:one|item"
    r"|piece|thing)|(?:l'|un )?article|la piece|le modele|ce que|le truc|what"
    r"|le produit|la tenue|le look|the outfit|the look)\b"
)
_AGO = re.compile(
    r"\bil y a (?P<n>\d{1,2}|deux|trois|quatre|cinq|six) jours?\b|\b(?P<n2>\d{1,2}|two"
    r"|three|four) days? ago\b|\bce matin\b|\bthis morning\b"
)
_SENTENCE = re.compile(r"[!?;\n…]|\.(?!\d)")


@dataclass(frozen=True)
class Shown:
    """A publication spoken of, between two positions; `on` when its day was said."""

    start: int
    end: int
    on: date | None
    latest: bool


def find_shown(text: str, today: date) -> list[Shown]:
    """The publications that a folded text speaks of, one a sentence."""
    shown: list[Shown] = []
    start = 0
    mail = [m.span() for m in _BY_MAIL.finditer(text)]
    for stop in [*(m.start() for m in _SENTENCE.finditer(text)), len(text)]:
        words = [
            m for m in _POSTED.finditer(text, start, stop)
            if not any(s < m.end() and m.start() < e for s, e in mail)
        ]  # fmt: skip
        if words:
            first, last = words[0], words[-1]
            on, end = _day_near(text, first.start(), min(stop, last.end() + 30), start, today)
            latest = on is None and bool(
                _LAST.search(text, max(start, first.start() - 40), min(stop, last.end() + 20))
            )
            shown.append(Shown(first.start(), max(last.end(), end), on, latest))
        start = stop
    return shown


def _day_near(text: str, first: int, stop: int, start: int, today: date) -> tuple[date | None, int]:
    """The day said behind (or just before) the word for posting."""
    for m in _AGO.finditer(text, start, stop):
        said = m["n"] or m["n2"]
        if said is None:
            return today, m.end()
        numbers = {
            "deux": 2,
            "two": 2,
            "trois": 3,
            "three": 3,
            "quatre": 4,
            "four": 4,
            "cinq": 5,
            "six": 6,
        }
        return today - timedelta(days=numbers.get(said) or int(said)), m.end()
    for at, end, days in sorted(
        find_days(text[:stop], today), key=lambda d: (d[0] < first, d[0], -d[1])
    ):
        if days and start <= at and at >= first - 25 and days.first == days.last:
            return _back(days, today), end
    return None, first


def _back(days: Days, today: date) -> date:
    """A day of the past: the last Wednesday, not the next."""
    day = days.first
    while day > today:
        day -= timedelta(days=7)
    return day


def attach_posts(
    text: str, mentions: list[Mention], context: Context, today: date
) -> list[Mention]:
    """`mentions` with what the publications spoken of tell about them."""
    for shown in find_shown(text, today):
        near = [m for m in mentions if _same_sentence(text, m.start, shown.start)]
        before = [m for m in near if m.end <= shown.start]
        mention = before[-1] if before else (near[0] if near else None)
        if mention is not None:
            mentions[mentions.index(mention)] = _narrowed(mention, shown, context.posts)
            continue
        one = [m for m in _THE_ONE.finditer(text) if _same_sentence(text, m.start(), shown.end)]
        if one or shown.on or shown.latest:
            start = min([shown.start, *(m.start() for m in one)])
            end = max([shown.end, *(m.end() for m in one)])
            references = _references(_matching(context.posts, shown) or ())
            mentions.append(Mention(start, end, (), references))
    return sorted(mentions, key=lambda m: m.start)


def _same_sentence(text: str, one: int, other: int) -> bool:
    return not _SENTENCE.search(text, min(one, other), max(one, other))


def _matching(posts: Sequence[Post], shown: Shown) -> list[Post]:
    """The posts meant, the newest first."""
    ordered = sorted(posts, key=lambda p: p.posted_on, reverse=True)
    if shown.on is not None:
        return [p for p in ordered if p.posted_on == shown.on]
    return ordered[:1] if shown.latest else ordered


def _references(posts: Sequence[Post]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(p.reference for p in posts))


def _narrowed(mention: Mention, shown: Shown, posts: Sequence[Post]) -> Mention:
    """Words and post must agree; where they cannot, the words hold."""
    if len(mention.references) <= 1:
        return mention
    wanted = _matching([p for p in posts if p.reference in mention.references], shown)
    agreeing = _references(wanted or [p for p in posts if p.reference in mention.references])
    if agreeing:
        return replace(mention, references=agreeing)
    return mention
