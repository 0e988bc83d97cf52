"""The engine that reads without any service: a trained model, rules, and word lists."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bot.turn import Context, Entities, Understanding
from bot.understanding import rules
from bot.understanding.asked import answer
from bot.understanding.engine import Engine
from bot.understanding.entities import read_entities
from bot.understanding.examples import EXAMPLES, hash_of
from bot.understanding.language import detect_language
from bot.understanding.model import ARTEFACT, BadModel, Model, load_model
from bot.understanding.mood import feel, press
from bot.understanding.normalize import clean
from bot.understanding.reading import choose, confidence_of, parts_of, probabilities
from bot.understanding.rules import Verdict


@dataclass(frozen=True)
class LocalEngine:
    model: Model

    def understand(self, text: str, context: Context) -> Understanding:
        said = clean(text)
        entities = read_entities(said, context)
        read = self._read(said, entities, context)
        return Understanding(
            intents=read.intents,
            confidence=round(read.confidence, 4),
            entities=entities,
            urgency=press(said, read.intents, entities, context),
            sentiment=feel(said, read.intents),
            language=detect_language(said, context.language),
        )

    def _read(self, said: str, entities: Entities, context: Context) -> Verdict:
        certain = rules.decide(said, entities, context.own_names)
        if certain:
            return certain
        parts = parts_of(said, context.products, context.asked)
        if self.model.is_gibberish(parts.whole) and not rules.is_named(entities):
            return Verdict(("unknown",), 0.9)
        shares = probabilities(self.model, parts)
        intents, sure = choose(shares, self.model.intents, self.model.settings["least"][0])
        confidence = confidence_of(self.model, sure, parts, len(intents))
        found = Verdict(intents, confidence)
        read = answer(said, entities, context, intents) or rules.settle(
            found, said, context, len(parts.clauses)
        )
        read = rules.complete(read, said, entities, context.asked)
        return rules.support(read, entities, context)


def load_engine(path: Path = ARTEFACT) -> Engine:
    """The local engine, warm. Raises BadModel when its model is missing or learnt from other
    examples or word lists than those that stand here."""
    model = load_model(path)
    if model.trained_on != hash_of((EXAMPLES,)):
        raise BadModel(f"{path.name} is older than what it learns from: run `flask train`")
    detect_language("Bonjour, où en est ma commande s'il vous plaît ?", "fr")
    probabilities(model, parts_of("Bonjour"))
    return LocalEngine(model)
