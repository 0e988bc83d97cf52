"""Learns the model from the examples. Needs scikit-learn; reading messages does not.

First step: one linear classifier an intent over the text's features, learnt from the
examples, from examples with a greeting or thanks put around them, and from pairs of examples
joined. Second step: one logistic regression for all intents that weighs what the whole, its
sentences and its clauses say. The second step and the calibration are fitted on scores of
examples that the first step had not seen (four folds). Everything is seeded.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from bot.turn import INTENTS
from bot.understanding.examples import Example
from bot.understanding.features import Features, features_of
from bot.understanding.model import Floats, Model, weigh
from bot.understanding.normalize import clean
from bot.understanding.reading import calibration_columns, choose, evidence, parts_of

SEED = 20250116
FOLDS = 4
STRENGTH = 0.3  # of the first step's fit (scikit-learn's C), chosen by cross-validation
# How much a message of several requests counts in the second step: customers send more of
# them than the examples hold.
SEVERAL = 2.0
_OVERRIDING = 0.2  # share of requests also learnt as put while a question was open
_HASTY = 0.5  # share of the dressed examples that are hastily typed instead
_DROPPED = 0.12  # share of their words that are left out
_SHORT = 3  # words; nothing is left out of fewer
_OPEN = ("reservation_offer", "pickup_time", "exchange_option")
_OPENINGS = (
    "Bonjour, ", "bonjour ", "Bonsoir, ", "Hello ", "slt ", "Coucou ! ", "Bonjour Madame, ",
    "bjr ", "Hi, ", "re ", "Bonjour à tous, ", "Bonjour Sarah, j'espère que vous allez bien. ",
    "Madame, Monsieur,\n", "Bonjour,\n\nJe me permets de vous contacter. ", "alors voilà ",
    "euh bonjour alors ", "petite question : ", "Quick question, ", "dites moi, ", "dis, ",
    "Good morning,\nI hope you are well. ", "Salut c'est Léa, ", "Bonjour c'est encore moi ! ",
)  # fmt: skip
_ENDINGS = (
    " merci", " Merci d'avance !", ". Merci beaucoup, bonne journée", " svp", " stp",
    " s'il vous plaît", " thanks", " 🙏", ". Cordialement, Mme Lefèvre", " merci bcp", " 😊",
    "\n\nDans l'attente de votre réponse, je vous prie d'agréer mes salutations distinguées.",
    "\nBien à vous,\nM. Garnier", "\nKind regards,\nTom", " voilà merci", " bisous", " lol", " xx",
    " hein", ". Je vous remercie par avance de votre retour.", " pls", " 🙈", " mdr",
)  # fmt: skip
_JOINTS = (". ", " et ", ". Et ", " ! ", "\n", ", et sinon ", " aussi ", ". Sinon ", " and ")
_SOCIAL = frozenset(
    ("greeting", "closing", "confirm", "deny", "choose", "unknown", "opt_in", "opt_out")
)


@dataclass(frozen=True)
class Report:
    """What cross-validation found, message by message: as meant and as read, how surely."""

    examples: tuple[Example, ...]
    found: tuple[frozenset[str], ...]
    confidences: tuple[float, ...]


# --- the first step's material -------------------------------------------------------------


@dataclass(frozen=True)
class Variant:
    """An example as the first step learns it; `sources` are the examples that it is made of."""

    example: Example
    sources: frozenset[int]


def vary(examples: Sequence[Example]) -> list[Variant]:
    """`examples` and what is made of them: with greetings around, and two in one message."""
    rng = random.Random(SEED)  # noqa: S311  # not a secret: the same every time
    varied = [Variant(e, frozenset((i,))) for i, e in enumerate(examples)]
    alone = [(i, e) for i, e in enumerate(examples) if len(e.intents) == 1 and not e.asked]
    requests = [(i, e) for i, e in alone if not e.intents & _SOCIAL]
    for i, e in enumerate(examples):
        if not e.asked and not e.intents & {"greeting", "closing", "unknown"}:
            varied.append(Variant(replace(e, text=_dress(e.text, rng)), frozenset((i,))))
    for i, first in requests:
        k, second = rng.choice(requests)
        text = first.text.rstrip(" .!") + rng.choice(_JOINTS) + second.text
        if not first.intents & second.intents:
            both = Example(text, first.intents | second.intents)
            varied.append(Variant(both, frozenset((i, k))))
    for i, e in requests:
        if rng.random() < _OVERRIDING:
            varied.append(Variant(replace(e, asked=rng.choice(_OPEN)), frozenset((i,))))
    return varied


def _dress(text: str, rng: random.Random) -> str:
    """With a greeting or thanks around, or as hastily typed: words and marks left out."""
    if rng.random() < _HASTY and len(text.split()) > _SHORT:
        kept = [w for w in text.split() if rng.random() > _DROPPED]
        return " ".join(kept).replace("?", "").replace("!", "")
    if rng.random() < 0.7:
        text = rng.choice(_OPENINGS) + text
    return text + rng.choice(_ENDINGS) if rng.random() < 0.6 else text


@dataclass(frozen=True)
class Material:
    """What the first step learns from: a row a variant, a column a feature. `counts` has 1
    where a variant has a feature, `meant` where it carries an intent."""

    variants: Sequence[Variant]
    features: Sequence[Features]
    names: Sequence[str]
    counts: csr_matrix
    meant: npt.NDArray[np.bool_]


def _gather(examples: Sequence[Example], intents: tuple[str, ...]) -> Material:
    variants = vary(examples)
    features = [features_of(clean(v.example.text), asked=v.example.asked) for v in variants]
    names = sorted({f for each in features for f in _all(each)})
    column = {name: i for i, name in enumerate(names)}
    rows = [[column[f] for f in _all(each)] for each in features]
    counts = csr_matrix(
        (
            np.ones(sum(map(len, rows)), dtype=np.int32),
            np.concatenate(rows),
            np.cumsum([0, *map(len, rows)]),
        ),
        shape=(len(rows), len(names)),
    )
    meant = np.asarray([[i in v.example.intents for i in intents] for v in variants])
    return Material(variants, features, names, counts, meant)


def _all(features: Features) -> Iterator[str]:
    return chain(features.words, features.pieces, features.concepts)


def _least(feature: str) -> int:
    """How often a feature must be met: pairs of words and pieces more often."""
    return 3 if feature.startswith("~") or "+" in feature or " " in feature else 2


# --- fitting -----------------------------------------------------------------------------


def _learn(
    material: Material, intents: tuple[str, ...], held: frozenset[int] = frozenset()
) -> Model:
    """The first step, from what is not made of the examples in `held`."""
    rows = [i for i, v in enumerate(material.variants) if not v.sources & held]
    seen = np.asarray(material.counts[rows].sum(axis=0)).ravel()
    kept = [i for i, name in enumerate(material.names) if seen[i] >= _least(name)]
    vocabulary = {material.names[i]: row for row, i in enumerate(kept)}
    idf = (1 + np.log((1 + len(rows)) / (1 + seen[kept]))).astype(np.float32)
    matrix = _matrix([material.features[i] for i in rows], vocabulary, idf)
    fits = [_fit_one(matrix, column) for column in material.meant[rows].T]
    return Model(
        intents=intents,
        vocabulary=vocabulary,
        idf=idf,
        weights=np.stack([weights for weights, _ in fits], axis=1).astype(np.float16),
        bias=np.asarray([bias for _, bias in fits], dtype=np.float32),
        settings={},
        trained_on="",
    )


def _matrix(features: Sequence[Features], vocabulary: Mapping[str, int], idf: Floats) -> csr_matrix:
    rows = [weigh(each, vocabulary, idf) for each in features]
    return csr_matrix(
        (
            np.concatenate([values for _, values in rows]),
            np.concatenate([ids for ids, _ in rows]),
            np.cumsum([0, *(len(ids) for ids, _ in rows)]),
        ),
        shape=(len(rows), len(vocabulary)),
    )


def _fit_one(matrix: csr_matrix, wanted: npt.NDArray[np.bool_]) -> tuple[Floats, float]:
    learner = LinearSVC(C=STRENGTH, random_state=SEED, tol=1e-2).fit(matrix, wanted)
    return learner.coef_[0], float(learner.intercept_[0])


# --- cross-validation and the second step ----------------------------------------------------


@dataclass(frozen=True)
class Unseen:
    """What a model says of an example that it had not learnt from."""

    evidence: Floats
    known: float


def _read_unseen(
    material: Material, examples: Sequence[Example], intents: tuple[str, ...]
) -> list[Unseen]:
    order = list(range(len(examples)))
    random.Random(SEED).shuffle(order)  # noqa: S311  # not a secret: the same every time
    parts = [parts_of(clean(e.text), asked=e.asked) for e in examples]
    found: dict[int, Unseen] = {}
    for fold in range(FOLDS):
        held = frozenset(order[fold::FOLDS])
        model = _learn(material, intents, held)
        for i in held:
            known = model.known_share(parts[i].whole)
            found[i] = Unseen(evidence(model.score, parts[i]), known)
    return [found[i] for i in range(len(examples))]


def _logistic(
    columns: Floats, right: npt.NDArray[np.bool_], weights: Floats | None = None
) -> list[float]:
    learner = LogisticRegression(max_iter=2000).fit(columns, right, weights)
    return [float(w) for w in (*learner.coef_[0], learner.intercept_[0])]


def train(examples: Sequence[Example], trained_on: str) -> tuple[Model, Report]:
    """The model, and what cross-validation says of it."""
    intents = tuple(i for i in INTENTS if any(i in e.intents for e in examples))
    material = _gather(examples, intents)
    unseen = _read_unseen(material, examples, intents)
    columns = np.concatenate([u.evidence for u in unseen])
    meant = np.asarray([intent in e.intents for e in examples for intent in intents])
    counts = np.asarray([SEVERAL if len(e.intents) > 1 else 1.0 for e in examples])
    weights = _logistic(columns, meant, np.repeat(counts, len(intents)))
    odds = columns @ np.asarray(weights[:-1], np.float32) + weights[-1]
    shares = (1 / (1 + np.exp(-odds))).reshape(len(examples), len(intents))
    least = _best_least(shares, examples, intents)
    chosen = [choose(each, intents, least) for each in shares]
    found = tuple(frozenset(c) for c, _ in chosen)
    doubts = np.stack(
        [
            calibration_columns(sure, u.known, len(c))
            for (c, sure), u in zip(chosen, unseen, strict=True)
        ]
    )
    right = np.asarray([f == e.intents for f, e in zip(found, examples, strict=True)])
    calibration = _logistic(doubts, right)
    surely = 1 / (1 + np.exp(-(doubts @ np.asarray(calibration[:-1]) + calibration[-1])))
    model = replace(
        _learn(material, intents),
        settings={"evidence": weights, "calibration": calibration, "least": [least]},
        trained_on=trained_on,
    )
    return model, Report(tuple(examples), found, tuple(float(s) for s in surely))


def _best_least(
    shares: npt.NDArray[np.floating], examples: Sequence[Example], intents: tuple[str, ...]
) -> float:
    """The share above which a further intent is taken, by the messages then read right."""

    def right(least: float) -> int:
        return sum(
            frozenset(choose(each, intents, least)[0]) == e.intents
            for each, e in zip(shares, examples, strict=True)
        )

    return max((0.45, 0.5, 0.55, 0.6, 0.65), key=right)
