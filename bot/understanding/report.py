"""What `flask train` prints of the cross-validation."""

from __future__ import annotations

from collections import Counter

import click

from bot.understanding.training import Report


def print_report(report: Report) -> None:
    pairs = list(zip(report.examples, report.found, strict=True))
    right = sum(example.intents == found for example, found in pairs)
    click.echo(f"{len(pairs)} examples, {right} read right unseen ({right / len(pairs):.1%})")
    intents = sorted({i for example in report.examples for i in example.intents})
    click.echo(f"{'intent':24}{'examples':>9}{'precision':>11}{'recall':>8}")
    for intent in intents:
        meant = sum(intent in e.intents for e, _ in pairs)
        read = sum(intent in f for _, f in pairs)
        both = sum(intent in e.intents and intent in f for e, f in pairs)
        click.echo(f"{intent:24}{meant:9}{both / max(1, read):11.2f}{both / meant:8.2f}")
    confused = Counter(
        ("+".join(sorted(e.intents)), "+".join(sorted(f))) for e, f in pairs if e.intents != f
    )
    click.echo("most often confused (meant, read, times):")
    for (meant_as, read_as), times in confused.most_common(20):
        click.echo(f"  {meant_as}, {read_as}, {times}")
