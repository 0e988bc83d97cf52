"""`flask rehearse PATH…`"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from bot.demo import PASSWORD
from bot.embedded import CannotStart
from bot.rehearsal.day import as_rehearsal, judge, read_day, tell_table
from bot.rehearsal.player import Result
from bot.rehearsal.players import Troupe, open_troupe
from bot.rehearsal.reading import Unreadable, Written, read_paths
from bot.rehearsal.report import sum_up, tell, write_json
from bot.rehearsal.rewriting import STYLES, rewrite
from bot.settings import ROOT
from bot.stack import Stack

OURS = ROOT / "tests" / "conversations"
DAY = ROOT / "tests" / "day" / "messages.yaml"


@click.command("rehearse")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("-j", "--jobs", type=click.IntRange(1), help="How many are played at once (2).")
@click.option(
    "--json", "report", type=click.Path(dir_okay=False, path_type=Path),
    help="Write every step's findings there.",
)  # fmt: skip
@click.option("--keep", is_flag=True, help="Leave sandbox and database standing for a look.")
@click.option(
    "--rewritten",
    type=click.Choice([*STYLES, "all"]),
    help="The customers' messages as others would type them.",
)
@click.option("--seed", type=int, default=1, help="Another seed makes other slips.")
def rehearse(
    paths: tuple[Path, ...],
    jobs: int | None,
    report: Path | None,
    keep: bool,
    rewritten: str | None,
    seed: int,
) -> None:
    """Play the conversations written in PATHS (files, or folders of .yaml files; ours when none
    is given) against the whole assistant, on servers of its own.

    Exit status: 0 all passed, 1 one failed, 2 a file cannot be read.
    """
    try:
        written = read_paths(paths or (OURS,))
    except Unreadable as problem:
        click.echo(str(problem), err=True)
        sys.exit(2)
    if rewritten is not None:
        styles = list(STYLES) if rewritten == "all" else [rewritten]
        written = [each for style in styles for each in rewrite(written, style, seed)]
    files = len({each.path for each in written})
    count = 1 if keep else max(1, min(jobs or 2, files, len(written)))
    told = _go_on_apart() if keep else None
    folder = Path(tempfile.mkdtemp(prefix="rehearsal-"))
    try:
        with open_troupe(folder, count) as troupe:
            status = _play(troupe, written, report)
            if told is not None:
                _stand(troupe.stacks[0], told, status)
    except CannotStart as problem:
        click.echo(str(problem), err=True)
        status = 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(status)


def _play(troupe: Troupe, written: Sequence[Written], report: Path | None) -> int:
    """The exit status."""
    results: list[Result] = []
    for result in troupe.play_all(written):
        click.echo(tell(result))
        results.append(result)
    if report is not None:
        write_json(results, report)
    click.echo(sum_up(results))
    return 0 if all(result.passed for result in results) else 1


@click.command("day")
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path), default=DAY)
@click.option("-j", "--jobs", type=click.IntRange(1), default=2, help="How many at once (2).")
@click.option("--at-least", type=int, default=94, help="So many of a hundred as they should be.")
def day(path: Path, jobs: int, at_least: int) -> None:
    """Play the messages of a day, each for itself, and print how they were handled and whether
    the facts of the answers are right.

    Exit status: 0 when enough were handled as they should and no fact is wrong, 1 otherwise,
    2 when the file cannot be read.
    """
    try:
        messages = read_day(path)
    except Unreadable as problem:
        click.echo(str(problem), err=True)
        sys.exit(2)
    folder = Path(tempfile.mkdtemp(prefix="rehearsal-"))
    try:
        with open_troupe(folder, max(1, min(jobs, len(messages)))) as troupe:
            rehearsals = [as_rehearsal(m, path, n) for n, m in enumerate(messages, 1)]
            results = list(troupe.play_all(rehearsals))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    verdicts = [judge(m, r) for m, r in zip(messages, results, strict=True)]
    click.echo(tell_table(verdicts))
    enough = 100 * sum(v.right for v in verdicts) >= at_least * len(verdicts)
    sys.exit(0 if enough and not any(v.wrong for v in verdicts) else 1)


# --- --keep ------------------------------------------------------------------------------


def _go_on_apart() -> int:
    """Go on in a process that outlives the command; the command waits to be told its status
    through the descriptor that this returns."""
    told, tell_it = os.pipe()
    apart = os.fork()
    if apart == 0:
        os.setsid()
        os.close(told)
        return tell_it
    os.close(tell_it)
    try:
        status = os.read(told, 1)
    except KeyboardInterrupt:
        os.kill(apart, signal.SIGINT)
        raise
    os._exit(status[0] if status else 1)


def _stand(stack: Stack, told: int, status: int) -> None:
    """Say where everything is, let the command end, and stay until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(status))
    click.echo(
        f"\nKept until `kill {os.getpid()}`: the desk {stack.url} (password {PASSWORD}), "
        f"the sandbox {stack.sandbox_url}\n"
        f"DATABASE_URL={stack.env['DATABASE_URL']}\nREDIS_URL={stack.env['REDIS_URL']}\n"
        f"Logs: {stack.folder / 'logs'}",
        err=True,
    )
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):  # whoever reads what the command says need not wait for us
        os.dup2(nowhere, descriptor)
    os.write(told, bytes([status]))
    os.close(told)
    signal.pause()
