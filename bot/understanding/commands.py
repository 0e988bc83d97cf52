"""`flask train` and `flask evaluate`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from bot.turn import Context, Understanding
from bot.understanding.engine import DEFAULT_THRESHOLD, Engine
from bot.understanding.evaluation import BadLine, Figures, measure, read_cases
from bot.understanding.examples import EXAMPLES, BadExample, hash_of, read_examples
from bot.understanding.model import ARTEFACT, save_model
from connectors.errors import BadConfig

ENGINES = ("local", "openai")


class MalformedFile(click.ClickException):
    exit_code = 2


@click.command("train")
@click.option(
    "--examples", "folders", multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A further folder of examples; may be given several times.",
)  # fmt: skip
def train(folders: tuple[Path, ...]) -> None:
    """Learn the local engine's model from the examples."""
    # scikit-learn is loaded by this command alone
    from bot.understanding.report import print_report  # noqa: PLC0415
    from bot.understanding.training import train as learn  # noqa: PLC0415

    every = (EXAMPLES, *folders)
    try:
        model, report = learn(read_examples(every), hash_of((EXAMPLES,)))
    except BadExample as error:
        raise click.ClickException(str(error)) from error
    save_model(model, ARTEFACT)
    print_report(report)


@click.command("evaluate")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--engine", "name", type=click.Choice(ENGINES), default="local", show_default=True)
@click.option("--threshold", type=click.FloatRange(0, 1), default=DEFAULT_THRESHOLD)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def evaluate(file: Path, name: str, threshold: float, as_json: bool) -> None:
    """Measure how well an engine understands the messages of FILE (JSON lines)."""
    try:
        cases = read_cases(file)
    except BadLine as error:
        raise MalformedFile(f"{file.name}, {error}") from error
    engine = Watched(_open(name))
    figures = measure(cases, engine, threshold)
    click.echo(figures.as_json() if as_json else show(figures))
    if name != "local":
        click.echo(f"read by: {dict(engine.read_by)}", err=True)


class Watched:
    """An engine, and how many messages were read by whom: another may have stood in."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.read_by: Counter[str] = Counter()

    def understand(self, text: str, context: Context) -> Understanding:
        found = self._engine.understand(text, context)
        self.read_by[found.engine] += 1
        return found


def _open(name: str) -> Engine:
    from bot.engines import open_engine  # noqa: PLC0415  # it imports every engine

    try:
        return open_engine(name)
    except KeyError as error:
        raise click.ClickException(f"the engine {name} is not built in") from error
    except BadConfig as error:
        raise click.ClickException(str(error)) from error


def show(figures: Figures) -> str:
    """The figures and every miss, for people."""
    lines = [
        f"{figures.messages} messages, {figures.right} right ({_percent(figures.accuracy)})",
        f"acted on {_percent(figures.coverage)}, "
        f"right among those {_percent(figures.accuracy_when_acting)}",
        f"unknown acted on {_percent(figures.unknown_acted_on)}",
        f"entities found {_percent(figures.entity_recall)}, "
        f"urgency right {_percent(figures.urgency_accuracy)}",
        f"a message took {figures.ms_median:.1f} ms (median), {figures.ms_p95:.1f} ms (p95)",
    ]
    lines += [
        f"line {m.line} ({m.confidence:.2f}): {' '.join(m.text.split())} -- {'; '.join(m.wrong)}"
        for m in figures.misses
    ]
    return "\n".join(lines)


def _percent(share: float | None) -> str:
    return "n/a" if share is None else f"{share:.1%}"
