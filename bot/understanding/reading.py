"""From a text to how likely each intent is: the whole and its pieces, weighed together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bot.understanding.clauses import split_clauses, split_sentences
from bot.understanding.features import Features, features_of
from bot.understanding.model import Floats, Model
from connectors.ports import Product


@dataclass(frozen=True)
class Parts:
    """The features of a text, of its sentences and of its clauses."""

    whole: Features
    sentences: tuple[Features, ...]
    clauses: tuple[Features, ...]


def parts_of(text: str, products: tuple[Product, ...] = (), asked: str | None = None) -> Parts:
    """`text` is cleaned already."""
    known: dict[str, Features] = {text: features_of(text, products, asked)}

    def features(piece: str) -> Features:
        if piece not in known:
            known[piece] = features_of(piece, products, asked)
        return known[piece]

    return Parts(
        known[text],
        tuple(features(piece) for piece in split_sentences(text) or [text]),
        tuple(features(piece) for piece in split_clauses(text) or [text]),
    )


def evidence(score: Callable[[Features], Floats], parts: Parts) -> Floats:
    """What speaks for each intent, a row an intent: its score in the whole, the best one in a
    sentence and in a clause; how far it is ahead there of the best other intent; and the same
    once more for a text of several clauses."""
    whole = score(parts.whole)[None, :]
    sentences = np.stack([score(each) for each in parts.sentences])
    clauses = np.stack([score(each) for each in parts.clauses])
    scores = [each.max(axis=0) for each in (whole, sentences, clauses)]
    ahead = [_ahead(each).max(axis=0) for each in (whole, sentences, clauses)]
    columns = [*scores, *ahead, *(np.tanh(2 * each) for each in (*scores, *ahead))]
    several = float(len(parts.clauses) > 1)
    columns += [several * each for each in columns]
    return np.stack([*columns, np.full_like(scores[0], several)], axis=1).astype(np.float32)


def _ahead(scores: Floats) -> Floats:
    """How far each intent's score is ahead of the best other one's, row by row."""
    second, best = np.partition(scores, -2, axis=1)[:, -2:].T[:, :, None]
    return np.asarray(scores - np.where(scores == best, second, best))


def probabilities(model: Model, parts: Parts) -> Floats:
    """How likely it is that the text carries each intent; they need not sum to 1."""
    weights = np.asarray(model.settings["evidence"], dtype=np.float32)
    odds = evidence(model.score, parts) @ weights[:-1] + weights[-1]
    shares: Floats = 1 / (1 + np.exp(-odds))
    return shares


# Intents that are none beside another; "confirm" may stand with what it brings.
_ALONE = ("unknown", "greeting", "closing")
_MOST = 3


def choose(
    shares: npt.NDArray[np.floating], intents: tuple[str, ...], least: float
) -> tuple[tuple[str, ...], float]:
    """The intents above `least` (the likeliest when there is none), and the odds, as a share,
    of the least sure of the choices made: those taken and those left."""
    order = [int(i) for i in np.argsort(-shares, kind="stable")]
    taken = [i for i in order if shares[i] >= least][:_MOST] or order[:1]
    if intents[taken[0]] in _ALONE:
        taken = taken[:1]
    taken = taken[:1] + [i for i in taken[1:] if intents[i] not in _ALONE]
    left = [i for i in order if i not in taken and intents[i] not in _ALONE]
    sure = [float(shares[i]) for i in taken] + [1 - float(shares[i]) for i in left[:1]]
    return tuple(intents[i] for i in taken), min(sure)


def confidence_of(model: Model, sure: float, parts: Parts, count: int) -> float:
    """The calibrated chance that a choice is right (training.py says on what)."""
    weights = np.asarray(model.settings["calibration"], dtype=np.float32)
    doubts = calibration_columns(sure, model.known_share(parts.whole), count)
    return float(1 / (1 + np.exp(-(doubts @ weights[:-1] + weights[-1]))))


def calibration_columns(sure: float, known: float, count: int) -> Floats:
    """What the confidence is made of: the odds, the words known, how many intents."""
    bounded = min(max(sure, 1e-4), 1 - 1e-4)
    return np.asarray([np.log(bounded / (1 - bounded)), known, float(count > 1)], dtype=np.float32)
