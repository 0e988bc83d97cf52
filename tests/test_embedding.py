"""A tenant whose model embeds: its pages and the questions about them."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner
from sqlalchemy import text

from bot import clock, vault
from bot.knowledge.commands import knowledge
from bot.models.tenants import Connection
from connectors.sandbox.client import SandboxWorld
from tests.house import House

KEY = "sk-embedding"


def test_pages_and_questions_are_embedded_and_without_the_model_words_answer(
    house: House, tmp_path: Path
) -> None:
    brains = connect(house)
    page = tmp_path / "chiens.md"
    page.write_text("# Animaux\n\nLes chiens tenus en laisse sont les bienvenus en cabine.\n")
    assert run("add", "elegance-paris", str(page)).startswith(str(page))
    with house.db() as db:
        kept = text("SELECT count(*) FROM passages WHERE embedding IS NOT NULL")
        assert db.scalar(kept) == 1
    before = asked(brains)
    assert "bienvenus" in run("search", "elegance-paris", "chiens tenus en laisse en cabine ?")
    assert asked(brains) > before
    brains.fail("openai", mode="down")
    assert "bienvenus" in run("search", "elegance-paris", "chiens tenus en laisse en cabine ?")


def run(*arguments: str) -> str:
    done = CliRunner().invoke(knowledge, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def asked(brains: SandboxWorld) -> int:
    """How often vectors were asked for."""
    return sum(call["operation"] == "embeddings" for call in brains.state()["calls"])


def connect(house: House) -> SandboxWorld:
    brains = SandboxWorld(house.stack.sandbox_url, "vectors")
    brains.replace({"ai": {"api_key": KEY, "models": ["embedding-sandbox"]}})
    with house.db() as db:
        db.add(
            Connection(
                tenant_id=house.tenant_id,
                vendor="openai",
                key="vectors",
                base_url=brains.vendor_url("openai") + "/v1",
                settings={"timeout": "2", "embedding_model": "embedding-sandbox"},
                secrets=vault.encrypt({"api_key": KEY}),
                updated_at=clock.now(),
            )
        )
    return brains
