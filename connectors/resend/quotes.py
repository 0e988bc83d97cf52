"""What somebody just wrote, out of a mail: without quotes, signature and phone lines.

quotequail finds the quotes; what it does not know of French programs, and signatures, is
here. In doubt, text stays: a signature too many is better than a question lost.
"""

from __future__ import annotations

import re

import inscriptis
import quotequail
from lxml.etree import LxmlError

# quotequail compares each line with those after it: a hostile mail would take it minutes.
LONGEST_LINE = 2000
MOST_LINES = 1000
LONGEST_HTML = 1_000_000

# What comes before a quote or a forwarded mail, in words that quotequail does not know.
QUOTED = re.compile(r"^-{3,} ?(message d[’']origine|mail original|message original) ?-{3,}$", re.I)
FORWARDED = re.compile(
    r"^(-{3,} ?)?(forwarded message|message transféré|message réexpédié|"
    r"début du message (transféré|réexpédié)|begin forwarded message) ?(:|-{3,})$",
    re.I | re.M,
)
FORWARDING_SUBJECT = re.compile(r"^\s*(fwd?|tr)\s*:", re.I)
INTRO_COLON = re.compile(r"\bécrit:$")

DASHES = re.compile(r"--")
PHONE = re.compile(
    r"(envoyé (de|depuis|à partir de|avec|par) |sent (from|with|via) |get outlook for |"
    r"(obtenir|obtenez|télécharger|téléchargez) (outlook|bluemail) ).{0,80}",
    re.I,
)
# A line of nothing but this ends a mail.
CLOSING = re.compile(
    r"((bien|très|tres) )?(cordialement|amicalement|sincèrement|respectueusement)( vôtre)?|"
    r"cdlt|cdt|bien à (vous|toi)|(sincères |mes |meilleures |cordiales )*salutations|"
    r"(bonne|belle|excellente) (journée|soirée|fin de journée|semaine)( à vous)?|"
    r"((best|kind|warm|many)( |est ))?(regards|wishes)|best|cheers|(yours )?sincerely|"
    r"yours (faithfully|truly)",
    re.I,
)
LONGEST_SIGNATURE = 25  # lines


def read_reply(text: str, subject: str = "") -> str:
    """The words of this mail alone; the whole text when nothing else would be left.

    A forwarded mail is kept with what it forwards: that is what its sender shows.
    """
    whole = _normalize(text)
    if FORWARDING_SUBJECT.match(subject) or FORWARDED.search(whole):
        return whole.strip()
    found = quotequail.unwrap(whole)
    own = whole
    if found is not None:
        below = _drop_quoted(found.get("text_bottom", ""))
        own = "\n\n".join(part for part in (found.get("text_top", ""), below) if part)
    # Answers written between the lines of what they answer
    return _drop_signature(_drop_quoted(own) or own) or whole.strip()


def read_html(html: str) -> str:
    """The text of an HTML mail, as a reader sees it; "" for markup that is none."""
    try:
        text = str(inscriptis.get_text(html[:LONGEST_HTML]))
    except (LxmlError, ValueError, RecursionError):
        return ""
    return "\n".join(line.strip() for line in text.split("\n")).strip()


def _normalize(text: str) -> str:
    """Spaces and separators as quotequail knows them; lines that it can bear."""
    text = text.replace("\r\n", "\n").replace("\xa0", " ").replace("\u202f", " ")
    lines: list[str] = []
    for line in text.replace("\ufeff", "").split("\n")[:MOST_LINES]:
        plain = INTRO_COLON.sub("écrit :", line.rstrip())
        plain = "-----Original Message-----" if QUOTED.match(plain) else plain
        lines += [plain[n : n + LONGEST_LINE] for n in range(0, len(plain), LONGEST_LINE)] or [""]
    return "\n".join(lines)


def _drop_quoted(text: str) -> str:
    return "\n".join(line for line in text.split("\n") if not line.startswith(">")).strip()


def _drop_signature(text: str) -> str:
    lines = text.split("\n")
    for n, line in enumerate(lines):
        words = line.strip()
        if DASHES.fullmatch(words) or PHONE.fullmatch(words):
            return _drop_signature("\n".join(lines[:n]))
        if CLOSING.fullmatch(words.rstrip(" ,.!")) and _is_signature(lines[n + 1 :]):
            return "\n".join(lines[:n]).strip()
    return text.strip()


def _is_signature(after: list[str]) -> bool:
    """Whether what follows a closing formula may go: short, no question, no postscript."""
    short = len(after) <= LONGEST_SIGNATURE
    return short and not any("?" in line or re.match(r"\s*p\.?s\b", line, re.I) for line in after)
