"""What things cost when much was said before: with so many messages stored, the time of a turn
as `turn` has it, of the statements in it, of the door and of two pages of the desk."""

from __future__ import annotations

import tempfile
from pathlib import Path

from sqlalchemy import text

from bot.db import engine
from bot.stack import adopted, open_stack
from connectors.sandbox.client import SandboxWorld
from tests.bench.around import around
from tests.bench.figures import Figure, Options, percentile, say
from tests.bench.turn import post
from tests.bench.turns import answered_at, handed_over, wait_for_answers

TURNS = 40
WARM_UP = 10
PER_PERSON = 10  # messages of each earlier conversation, half of them ours
LEAST = PER_PERSON * (WARM_UP + TURNS)  # those timed have all written before

PLACE = """SELECT d.tenant_id AS tenant, d.id AS deployment, c.id AS connection
    FROM deployments d JOIN connections c ON c.tenant_id = d.tenant_id
    WHERE d.key = 'dpl_elegance-paris' AND c.vendor = 'twilio'"""

# Customers and what was said with them, a conversation each minute. Ids stand far from those
# that the sequences give.
STORED = (
    """INSERT INTO customers (id, tenant_id, first_name, last_name, language, profile, profiled_at,
        created_at)
    SELECT 1000000 + n, :tenant, '', '', 'fr', '{}', now(), now() FROM generate_series(CAST(:first AS int), :last) n""",
    """INSERT INTO identities (tenant_id, customer_id, kind, value, proven_by, created_at)
    SELECT :tenant, 1000000 + n, 'phone', '+336' || lpad(n::text, 8, '0'), 'carrier', now()
    FROM generate_series(CAST(:first AS int), :last) n""",
    """INSERT INTO conversations (id, tenant_id, deployment_id, customer_id, state, opened_at,
        last_message_at, memory)
    SELECT 1000000 + n, :tenant, :deployment, 1000000 + n, 'open', now() - interval '90 days',
        now() - (:last - n + 1) * interval '1 minute', '{}' FROM generate_series(CAST(:first AS int), :last) n""",
    """INSERT INTO turns (id, tenant_id, conversation_id, understanding, actions, handled, attempts,
        started_at, finished_at)
    SELECT 10000000 + n * 10 + m, :tenant, 1000000 + n, '{}', '{}', 'auto', 1,
        now() - interval '1 day', now() - interval '1 day'
    FROM generate_series(CAST(:first AS int), :last) n, generate_series(0, CAST(:pairs AS int) - 1) m""",
    """INSERT INTO deliveries (id, tenant_id, connection_id, provider_id, kind, sender, url,
        headers, body, state, attempts, next_try_at, error, received_at)
    SELECT 10000000 + n * 10 + m, :tenant, :connection, 'stored' || (n * 10 + m), 'message',
        '', '', '{}', convert_to(repeat('x', 400), 'UTF8'), 'done', 1,
        now() - interval '1 day', '', now() - interval '1 day'
    FROM generate_series(CAST(:first AS int), :last) n, generate_series(0, CAST(:pairs AS int) - 1) m""",
    """INSERT INTO messages (tenant_id, conversation_id, turn_id, delivery_id, connection_id,
        direction, author, kind, channel, contact, address, subject, body, template, variables,
        plan, extra, state, provider_id, code, attempts, created_at, sent_at)
    SELECT :tenant, 1000000 + n, 10000000 + n * 10 + m, 10000000 + n * 10 + m, :connection,
        way, CASE way WHEN 'in' THEN 'customer' ELSE 'assistant' END, 'reply', 'sms',
        '+336' || lpad(n::text, 8, '0'), '+33939035761', '', 'Bonjour, le blazer beige en 40 ?',
        '', '{}', '{}', '{}', CASE way WHEN 'in' THEN 'received' ELSE 'delivered' END,
        'stored-' || way || (n * 10 + m), '', 1,
        now() - (:last - n + 1) * interval '1 minute', now()
    FROM generate_series(CAST(:first AS int), :last) n, generate_series(0, CAST(:pairs AS int) - 1) m,
        unnest(ARRAY['in', 'out']) way""",
)


def measure(options: Options) -> list[Figure]:
    say("growth: starting a stack")
    with (
        tempfile.TemporaryDirectory() as folder,
        open_stack(
            Path(folder), workers=2, demo=False, fsync=True, settling_seconds=0,
            web_workers=2, web_threads=2,
        ) as stack,
        adopted(stack.env),
    ):  # fmt: skip
        from bot.demo import load_demo

        load_demo()
        sandbox = SandboxWorld(stack.sandbox_url, "demo")
        sandbox.set_stock({"RF-2847-38": 1_000_000})
        door = f"{stack.url}/webhooks/twilio/elegance-paris"
        people, figures = 0, []
        for size in sorted({LEAST, *options.stored}):
            _store(people, size // PER_PERSON)
            people = size // PER_PERSON
            figures.append(_time_turns(door, sandbox, people, size))
            figures += around(stack, door, people, size)
    return figures


def _store(first: int, end: int) -> None:
    """Customers `first` to `end` and what was said with them."""
    with engine().begin() as connection:
        ids = connection.execute(text(PLACE)).mappings().one()
        # What is written here points at what is written here: nothing to check a million times
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        range_ = {"first": first, "last": end - 1, "pairs": PER_PERSON // 2}
        for statement in STORED:
            connection.execute(text(statement), {**ids, **range_})
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))  # as autovacuum would have by then


def _time_turns(door: str, sandbox: SandboxWorld, people: int, size: int) -> Figure:
    """One after the other, of those stored last."""
    posted: dict[int, float] = {}
    before = handed_over()
    for number in range(people - WARM_UP - TURNS, people):
        posted[number] = post(door, number)
        wait_for_answers(before + len(posted), 0.01)
    had = answered_at(sandbox)
    taken = [had[number] - at for number, at in list(posted.items())[WARM_UP:]]
    p50, p99 = percentile(taken, 0.5) * 1000, percentile(taken, 0.99) * 1000
    say(f"growth: {size} messages stored, p50 {p50:.1f} ms")
    return Figure(f"growth-{size}", p50, "ms", p50_ms=p50, p99_ms=p99)
