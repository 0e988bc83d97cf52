"""The page on which customers say what they think of a purchase: a mark and some words.

The signature in the link is what lets anybody in; there is no session, so nothing that a
forged form could borrow. Looking at the link changes nothing.
"""

from __future__ import annotations

from flask import Blueprint, Response, make_response, render_template, request

from bot.db import transaction
from bot.opinions import LONGEST, Asked, find_asked, keep_opinion
from dashboard import reader
from dashboard.security import limiter

opinions = Blueprint("opinions", __name__, template_folder="templates")

SCORES = range(5, 0, -1)


@opinions.get("/avis/<token>")
def page(token: str) -> Response:
    """The form, with what they said before if they did."""
    with transaction() as db:
        found = find_asked(db, token)
    return _show(found, "ask")


@opinions.post("/avis/<token>")
@limiter.limit("30 per 10 minutes")
def give(token: str) -> Response:
    """Keep it and say thank you. The same again changes nothing; 422 without a mark."""
    score = request.form.get("score", type=int)
    with transaction() as db:
        found = find_asked(db, token, lock=True)
        if found is not None and score in SCORES:
            assert score is not None
            keep_opinion(db, found, score, reader.typed("words"), reader.now())
    return _show(found, "thanks" if score in SCORES else "missing")


def _show(found: Asked | None, state: str) -> Response:
    """In the customer's language; 404 for a link that we did not sign, or of somebody gone."""
    if found is not None:
        reader.read_in(found.language)
    given = found.given if found else None
    # After a refusal what they typed stands in the form again
    view = render_template(
        "opinion.html",
        state=state if found else "unknown",
        shop=found.tenant.name if found else "",
        order=found.reminder.facts.get("order", "") if found else "",
        score=given.score if given else None,
        words=reader.typed("words") or (given.words if given else ""),
        scores=SCORES,
        longest=LONGEST,
    )
    status = 404 if found is None else 422 if state == "missing" else 200
    return make_response(view, status)
