"""`flask knowledge`: what a tenant's assistant may quote."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from sqlalchemy.orm import Session

from bot import clock
from bot.db import transaction
from bot.knowledge.answers import TenantKnowledge
from bot.knowledge.blocks import CannotRead
from bot.knowledge.embedding import prepare_vectors
from bot.knowledge.indexing import Cut, embed, index, prepare, remove
from bot.knowledge.reading import find_files, is_address, read_address, read_file
from bot.models.knowledge import documents
from bot.models.tenants import Tenant, tenant_by_slug
from bot.tenants import open_embedder
from bot.understanding.language import detect_language
from connectors.errors import ConnectorError

LONG = 300  # passages from which an import shows how far it is


@click.group("knowledge")
def knowledge() -> None:
    """A tenant's documents, which its assistant answers from."""


@knowledge.command("add")
@click.argument("tenant")
@click.argument("places", nargs=-1, required=True, metavar="PATH_OR_URL…")
def add(tenant: str, places: tuple[str, ...]) -> None:
    """Read files, folders or addresses, and index them. What has the same path or address is
    replaced. What cannot be read is named, and the rest goes on."""
    with _open(tenant) as (_, owner):
        usual, owner_id = owner.language, owner.id
    failed = 0
    for place in places:
        try:
            sources = _sources(place)
        except CannotRead as error:
            click.echo(str(error), err=True)
            failed += 1
            continue
        for source in sources:
            try:
                _add(tenant, _with_meaning(owner_id, _read(source, usual)))
            except CannotRead as error:
                click.echo(str(error), err=True)
                failed += 1
            except ConnectorError as error:
                click.echo(f"{source}: the embedding model did not answer ({error})", err=True)
                failed += 1
    if failed:
        raise click.ClickException(f"{failed} not imported")


@knowledge.command("list")
@click.argument("tenant")
def list_documents(tenant: str) -> None:
    """The documents, with how many passages each has."""
    with _open(tenant) as (db, owner):
        found = documents(owner.id, db)
        zone = ZoneInfo(owner.timezone)
    for row in found:
        day = row.imported_at.astimezone(zone).date()
        said = f"{row.source}  {row.kind}  {row.language}  {row.passages} passages  {day}"
        click.echo(said + (f"  {row.author}" if row.author else ""))
    passages = sum(row.passages for row in found)
    click.echo(f"{len(found)} documents, {passages} passages")


@knowledge.command("search")
@click.argument("tenant")
@click.argument("words", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--limit", default=5, show_default=True, type=click.IntRange(1, 50))
def search_passages(tenant: str, words: tuple[str, ...], as_json: bool, limit: int) -> None:
    """The likeliest passages, and what the assistant would quote if one is relevant enough."""
    question = " ".join(words)
    with _open(tenant) as (_, owner):
        language = detect_language(question, owner.language)
        base = TenantKnowledge(owner.id, open_embedder(owner.id))
    found = base.search(question, language, limit)
    answer = base.answer(question, language)
    if as_json:
        told = {
            "passages": [asdict(passage) for passage in found],
            "answer": None if answer is None else asdict(answer),
        }
        click.echo(json.dumps(told, ensure_ascii=False, indent=2))
        return
    for passage in found:
        click.echo(f"{passage.score:.2f}  {passage.source}  {passage.question or passage.title}")
    click.echo("no answer" if answer is None else f"answer: {answer.text}")


@knowledge.command("remove")
@click.argument("tenant")
@click.argument("source")
def remove_document(tenant: str, source: str) -> None:
    """Forget a document, named as `list` shows it."""
    with _open(tenant) as (db, owner):
        if not remove(owner.id, db, source):
            raise click.ClickException(f"{tenant} has no document {source}")
    click.echo(f"{source}: removed")


@contextmanager
def _open(slug: str) -> Iterator[tuple[Session, Tenant]]:
    with transaction() as db:
        tenant = tenant_by_slug(db, slug)
        if tenant is None:
            raise click.ClickException(f"there is no tenant {slug}")
        yield db, tenant


def _sources(place: str) -> list[str]:
    return [place] if is_address(place) else [path.as_posix() for path in find_files(Path(place))]


def _read(source: str, usual: str) -> Cut:
    read = read_address(source) if is_address(source) else read_file(Path(source), source)
    return prepare(read, usual)


def _with_meaning(tenant_id: int, cut: Cut) -> Cut:
    """With vectors, where a model and PostgreSQL's `vector` are there."""
    embedder = open_embedder(tenant_id)
    if embedder is None:
        return cut
    with transaction() as db:
        ready = prepare_vectors(db)
    return embed(cut, embedder) if ready else cut


def _add(tenant: str, cut: Cut) -> None:
    length = len(cut.pieces)
    with _open(tenant) as (db, owner):
        if length < LONG:
            index(owner.id, db, [cut], clock.now())
        else:
            name = cut.read.source
            with click.progressbar(length=length, label=name, file=sys.stderr) as bar:
                index(owner.id, db, [cut], clock.now(), progress=bar.update)
    click.echo(f"{cut.read.source}: {length} passages ({cut.language})")
