"""Structured logs. Ids, counts and codes only: no text, name, number or address of anyone."""

from __future__ import annotations

import logging
from traceback import TracebackException
from types import TracebackType

import structlog

from bot import metrics
from bot.settings import settings


def set_up_logs(part: str) -> None:
    """Once a process, by what it is ("web", "worker", "clock"). Lines of libraries come out in
    the same form."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        metrics.count_errors(part),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings().log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.ExceptionRenderer(tell_where),
                last,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings().log_level)
    # RQ and the SDKs log arguments and bodies below this
    noisy_ones = "rq twilio urllib3 pyactiveresource apscheduler hubspot alembic openai httpx2"
    for noisy in noisy_ones.split():
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


Broke = tuple[type[BaseException], BaseException, TracebackType | None]


def tell_where(exc_info: Broke) -> str:
    """Where something broke, and on what kind of error. What errors say is left out, unless
    LOG_LEVEL is DEBUG: PostgreSQL's, and many libraries', quote the values they stumble over."""
    whole: TracebackException | None = TracebackException.from_exception(exc_info[1])
    if settings().log_level == "DEBUG" and whole is not None:
        return "".join(whole.format())
    told: list[str] = []
    while whole is not None:
        told = [*whole.stack.format(), f"{whole.exc_type.__qualname__}\n", *told]
        whole = whole.__cause__ or (None if whole.__suppress_context__ else whole.__context__)
    return "".join(told)


def log() -> structlog.stdlib.BoundLogger:
    bound: structlog.stdlib.BoundLogger = structlog.get_logger("coccinelle")
    return bound
