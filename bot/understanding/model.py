"""The trained model: weights in an .npz, read and applied with numpy alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bot.understanding.features import Features

Floats = npt.NDArray[np.float32]
ARTEFACT = Path(__file__).with_name("model.npz")
# How much the blocks count: words, pieces of words, concepts.
BLOCKS = (1.0, 0.7, 0.8)

_KNOWN = 0.5  # of the words, and of the pieces; gibberish has no more known ones


class BadModel(Exception):
    """The artefact is missing, stale or not one of ours; the message says how to make it."""


@dataclass(frozen=True)
class Model:
    """One linear classifier an intent. `weights` has a row a feature, a column an intent
    (float16); `idf` a figure a feature; `settings` are the second step's and the
    calibration's figures; `trained_on` is the hash of what it learnt from."""

    intents: tuple[str, ...]
    vocabulary: Mapping[str, int]
    idf: Floats
    weights: npt.NDArray[np.float16]
    bias: Floats
    settings: Mapping[str, Sequence[float]]
    trained_on: str

    def score(self, features: Features) -> Floats:
        """The log odds of each intent."""
        rows, values = weigh(features, self.vocabulary, self.idf)
        scores: Floats = values @ self.weights[rows].astype(np.float32) + self.bias
        return scores

    def known_share(self, features: Features) -> float:
        """The share of the text's words that were met in training."""
        singles = [f for f in features.words if " " not in f]
        return sum(f in self.vocabulary for f in singles) / max(1, len(singles))

    def is_gibberish(self, features: Features) -> bool:
        """Whether hardly a word of it was met in training, nor even pieces of words: what is
        merely misspelt ("remboursemnt") is made of known pieces."""
        known = sum(piece in self.vocabulary for piece in features.pieces)
        strange = known <= _KNOWN * len(features.pieces)
        return bool(features.pieces) and strange and self.known_share(features) <= _KNOWN


def weigh(
    features: Features, vocabulary: Mapping[str, int], idf: Floats
) -> tuple[npt.NDArray[np.int64], Floats]:
    """The known features' rows and values; each block has its own unit length."""
    rows: list[int] = []
    parts: list[Floats] = []
    blocks = (features.words, features.pieces, features.concepts)
    for block, share in zip(blocks, BLOCKS, strict=True):
        known = sorted(vocabulary[f] for f in block if f in vocabulary)
        if known:
            values = idf[known]
            parts.append((values * (share / np.linalg.norm(values))).astype(np.float32))
            rows += known
    values = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    return np.asarray(rows, dtype=np.int64), values


def save_model(model: Model, path: Path) -> None:
    about = {
        "intents": model.intents,
        "vocabulary": list(model.vocabulary),
        "settings": {name: list(figures) for name, figures in model.settings.items()},
        "trained_on": model.trained_on,
    }
    text = np.frombuffer(json.dumps(about, ensure_ascii=False).encode(), dtype=np.uint8)
    with path.open("wb") as file:
        np.savez_compressed(
            file, about=text, idf=model.idf.astype(np.float16), weights=model.weights,
            bias=model.bias,
        )  # fmt: skip


def load_model(path: Path = ARTEFACT) -> Model:
    """Raises BadModel when there is none at `path` or it cannot be read."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            about = json.loads(stored["about"].tobytes())
            return Model(
                intents=tuple(about["intents"]),
                vocabulary={word: row for row, word in enumerate(about["vocabulary"])},
                idf=stored["idf"].astype(np.float32),
                weights=stored["weights"],
                bias=stored["bias"],
                settings=about["settings"],
                trained_on=about["trained_on"],
            )
    except FileNotFoundError:
        raise BadModel(f"there is no {path.name}: run `flask train`") from None
    except (KeyError, ValueError, OSError) as error:
        raise BadModel(f"{path.name} is no model ({error}): run `flask train`") from error
