"""What an adviser has answered, kept so that the next customer is answered alone."""

from __future__ import annotations

import re
from zlib import crc32

from sqlalchemy.orm import Session

from bot import clock
from bot.knowledge.blocks import CannotRead, Entry, Read, tidy
from bot.knowledge.indexing import index, prepare
from bot.models.knowledge import Document
from bot.understanding.normalize import fold

LONGEST_QUESTION = 500  # characters
LONGEST_ANSWER = 4000


def add_entry(tenant_id: int, db: Session, question: str, answer: str, author: str) -> Document:
    """Keep a question and its answer; the same question again replaces its answer. `author`:
    who wrote it, as the desk names them. Raises CannotRead when one is empty or too long."""
    asked, told = tidy(question), tidy(answer)
    if not asked or not told:
        raise CannotRead("the question or the answer is empty")
    if len(asked) > LONGEST_QUESTION or len(told) > LONGEST_ANSWER:
        raise CannotRead(
            f"too long: a question has at most {LONGEST_QUESTION} characters, "
            f"an answer {LONGEST_ANSWER}"
        )
    read = Read(source_of(asked), "entry", asked, (Entry(asked, told),))
    [kept] = index(tenant_id, db, [prepare(read)], clock.now(), author=author)
    return kept


def source_of(question: str) -> str:
    """Under which source an entry is kept: told apart by its words, whatever their case."""
    plain = re.sub(r"[^a-z0-9]+", "-", fold(question)).strip("-")
    return f"desk/{plain[:60].strip('-')}-{crc32(plain.encode()):08x}"
