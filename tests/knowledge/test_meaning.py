"""Vectors beside words, where a model and pgvector are there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import text

from bot import clock
from bot.db import engine, transaction
from bot.knowledge import embedding
from bot.knowledge.answers import TenantKnowledge
from bot.knowledge.indexing import embed, index, prepare
from bot.knowledge.reading import read_file
from connectors.errors import Unavailable
from tests.knowledge.shelf import Shelf

PAGE = """# Aide

## Livraison
La livraison prend trois jours.

## Animaux
Les chiens tenus en laisse sont les bienvenus.
"""


class Animals:
    """A model that knows one thing: whether a text is about animals."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        self.asked += texts
        return [[1.0, 0.0] if "chien" in t or "toutou" in t else [0.0, 1.0] for t in texts]


class Down:
    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        raise Unavailable("503")


@pytest.fixture
def model() -> Animals:
    return Animals()


@pytest.fixture
def embedded(shelf: Shelf, model: Animals) -> Iterator[Shelf]:
    """A page embedded by the model, on a server whose pgvector is switched on."""
    path = Path(shelf.write("a.md", PAGE))
    with transaction() as db:
        assert embedding.prepare_vectors(db)
        cut = embed(prepare(read_file(path, "a.md")), model)
        index(shelf.id_of("ici"), db, [cut], clock.wall())
    yield shelf
    with engine().begin() as connection:
        connection.execute(text("DROP EXTENSION IF EXISTS vector"))


def test_meaning_finds_what_no_word_does(embedded: Shelf, model: Animals) -> None:
    tenant_id = embedded.id_of("ici")
    assert TenantKnowledge(tenant_id).search("mon toutou ?", "fr") == ()
    found = TenantKnowledge(tenant_id, model).search("mon toutou ?", "fr")
    assert found[0].title == "Aide › Animaux"
    assert model.asked[-1] == "mon toutou ?"


def test_what_shares_no_word_is_shown_but_not_quoted(embedded: Shelf, model: Animals) -> None:
    assert TenantKnowledge(embedded.id_of("ici"), model).answer("mon toutou ?", "fr") is None


def test_another_tenants_vectors_are_not_near(embedded: Shelf, model: Animals) -> None:
    assert TenantKnowledge(embedded.id_of("ailleurs"), model).search("mon toutou ?", "fr") == ()


def test_a_model_that_is_down_leaves_the_words(embedded: Shelf) -> None:
    told = TenantKnowledge(embedded.id_of("ici"), Down()).answer("Les chiens tenus en laisse", "fr")
    assert told is not None
    assert "bienvenus" in told.text


def test_without_the_extension_words_alone_are_asked(embedded: Shelf, model: Animals) -> None:
    with engine().begin() as connection:
        connection.execute(text("DROP EXTENSION vector"))
    base = TenantKnowledge(embedded.id_of("ici"), model)
    assert base.search("mon toutou ?", "fr") == ()
    assert base.answer("Les chiens tenus en laisse", "fr") is not None
