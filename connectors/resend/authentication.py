"""Whether the receiving server vouches for the address in From.

RFC 8601 (Authentication-Results), RFC 7489 (DMARC). Only results of the server that took
the mail in count: anybody can write such a header into what they send.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connectors.resend.headers import Headers, addresses_in

# A comment in parentheses, without another inside: removed again and again, inmost first.
COMMENT = re.compile(r"\([^()]*\)")
QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
RESULT = re.compile(r"\s*(spf|dkim|dmarc)(?:/\d+)?\s*=\s*([a-z]+)(?:\s+(.*))?", re.I | re.S)
PROPERTY = re.compile(r"([a-z][a-z0-9.-]*)\s*=\s*(\S+)", re.I)
# Amazon's server sets this one apart from its SPF result by a semicolon.
ENVELOPE = re.compile(r"\s*envelope-from\s*=\s*(\S+)\s*", re.I)

LONGEST = 4000  # characters of one header


@dataclass(frozen=True)
class Result:
    """One method's: `dkim`, `pass`, {"header.d": "elegance-paris.fr"}."""

    method: str
    result: str
    properties: Mapping[str, str]


def is_proven(headers: Headers, sender: str, servers: Sequence[str]) -> bool:
    """Whether `servers` (host names, or parents of them; none: whichever wrote the topmost
    header) say that the From address `sender` is genuine: DMARC passed, or its domain is
    without DMARC and SPF or DKIM passed for this very domain.

    A mail with several From addresses, or whose From is not `sender`, proves nothing.
    """
    if addresses_in(*headers.all("from")) not in ([sender], []) or "@" not in sender:
        return False
    domain = sender.rpartition("@")[2]
    results = _trusted_results(headers, servers)
    dmarc = [result for result in results if result.method == "dmarc"]
    if dmarc and all(result.result == "pass" for result in dmarc):
        return all(result.properties.get("header.from", domain) == domain for result in dmarc)
    if any(result.result != "none" for result in dmarc):
        return False
    return any(_is_aligned(vouched, domain) for vouched in _vouched_domains(results))


def parse_results(header: str) -> tuple[str, list[Result]]:
    """The server that wrote the header, and its results; ("", []) for one not understood.

    Parts of it are the sender's own words (the name in HELO, the envelope's address): what
    is quoted is blotted out, and `is_proven` believes no result that stands there twice
    and differs.
    """
    text, changed = QUOTED.sub("quoted", header[:LONGEST]), 1
    while changed:
        text, changed = COMMENT.subn(" ", text)
    if any(c in text for c in '"()'):
        return "", []
    server, *parts = text.split(";")
    results: list[Result] = []
    for part in parts:
        if found := RESULT.fullmatch(part):
            properties = {m[1].lower(): m[2].lower() for m in PROPERTY.finditer(found[3] or "")}
            results.append(Result(found[1].lower(), found[2].lower(), properties))
        elif (envelope := ENVELOPE.fullmatch(part)) and results and results[-1].method == "spf":
            results[-1] = Result("spf", results[-1].result, {"smtp.mailfrom": envelope[1].lower()})
    return server.strip().partition(" ")[0].lower(), results


def _trusted_results(headers: Headers, servers: Sequence[str]) -> list[Result]:
    """Of the topmost header that one of `servers` wrote: those below came with the mail."""
    for value in headers.all("authentication-results"):
        server, results = parse_results(value)
        if not servers or any(server == s or server.endswith(f".{s}") for s in servers):
            return results
        if server:
            return []  # the server on top is another: what is below is older still
    return []


def _vouched_domains(results: Sequence[Result]) -> list[str]:
    """The domains for which DKIM passed, or SPF, which is checked once."""
    passed = [result for result in results if result.result == "pass"]
    spf = [result for result in results if result.method == "spf"]
    values = [
        result.properties.get("header.d") or result.properties.get("header.i", "")
        for result in passed
        if result.method == "dkim"
    ]
    if len(spf) == 1 and spf[0].result == "pass":
        values.append(spf[0].properties.get("smtp.mailfrom", ""))
    return [value.rpartition("@")[2].strip("<>") for value in values]


def _is_aligned(vouched: str, domain: str) -> bool:
    """The same domain, or one above it. (DMARC also takes any under the same registered
    domain; without a list of public suffixes that would take too much.)"""
    return "." in vouched and (domain == vouched or domain.endswith(f".{vouched}"))
