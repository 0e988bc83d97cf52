"""The demo's tenants' pages, and their loading."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from pathlib import Path

from sqlalchemy.orm import Session

from bot.knowledge.indexing import Cut, index, prepare
from bot.knowledge.reading import find_files, read_file

HERE = Path(__file__).parent


def load_knowledge(tenant_id: int, slug: str, db: Session, now: datetime) -> None:
    """Index the pages of the folder named as the tenant; nothing when there is none."""
    index(tenant_id, db, _pages(slug), now)


@lru_cache
def _pages(slug: str) -> tuple[Cut, ...]:
    """Read and cut once a process: rehearsals load the demo again and again."""
    folder = HERE / slug
    if not folder.is_dir():
        return ()
    files = find_files(folder)
    return tuple(prepare(read_file(f, f.relative_to(folder).as_posix())) for f in files)
