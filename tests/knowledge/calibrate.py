"""`python -m tests.knowledge.calibrate`: the weights of bot.knowledge.relevance, by logistic
regression over the calibration half of the questions, on the demo's pages in DATABASE_URL."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
from sklearn.linear_model import LogisticRegression
from sqlalchemy.orm import Session

from bot.db import transaction
from bot.knowledge import search as searching
from bot.knowledge.asking import ask
from bot.knowledge.passages import Passage
from bot.knowledge.relevance import features_of
from bot.models.tenants import tenant_by_slug
from tests.knowledge.measure import Case, is_right, read_cases

DEEP = 8  # passages of each question that are learned from


def samples(db: Session, case: Case) -> Iterator[tuple[tuple[float, ...], bool]]:
    """Features of each passage found, and whether it answers."""
    tenant = tenant_by_slug(db, case.tenant)
    assert tenant is not None
    asked = ask(tenant.id, db, case.text)
    by_id = {c.id: c for c in searching.find_candidates(tenant.id, db, asked)}
    found: tuple[Passage, ...] = searching.search(tenant.id, db, case.text, case.language, DEEP)
    for passage in found:
        evidence = searching.evidence_of(by_id[passage.id], case.language)
        yield features_of(db, asked.terms, evidence), is_right(case, passage)


def main() -> None:
    names = ("questions.yaml", "unanswerable.yaml")
    cases = [case for name in names for case in read_cases(name, "calibration")]
    with transaction() as db:
        learned = [list(samples(db, case)) for case in cases]
    features = np.array([f for each in learned for f, _ in each])
    right = np.array([r for each in learned for _, r in each])
    # What comes first is what would be quoted: there a mistake costs most
    weigh = np.array([4.0 if i < 2 else 1.0 for each in learned for i in range(len(each))])
    model = LogisticRegression(C=3.0, max_iter=2000).fit(features, right, sample_weight=weigh)
    weights = ", ".join(f"{w:.2f}" for w in model.coef_[0])
    sys.stdout.write(f"WEIGHTS = ({weights})\nBIAS = {model.intercept_[0]:.2f}\n")
    for threshold in (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5):
        right_ones = wrong_ones = 0
        for each in learned:
            scores = model.predict_proba(np.array([f for f, _ in each]))[:, 1] if each else [0.0]
            if max(scores) >= threshold:
                is_one = each[int(np.argmax(scores))][1]
                right_ones, wrong_ones = right_ones + is_one, wrong_ones + (not is_one)
        sys.stdout.write(f"from {threshold}: {right_ones} right answers, {wrong_ones} wrong\n")


if __name__ == "__main__":
    main()
