"""Runs lines of the Procfile: `python -m bot.procfile web worker clock sandbox`

Like `honcho start`, by honcho's own manager, except that every line keeps the PORT it was given
(honcho counts it up), a closed terminal does not stop the stopping, and it says at the end which
line ended first.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import click
from honcho.environ import parse_procfile
from honcho.manager import SYSTEM_PRINTER_NAME, Manager
from honcho.printer import Message, Printer

from bot.settings import ROOT

ENDED_BY_ITSELF = 1


class Screen(Printer):  # type: ignore[misc]  # honcho has no types
    """Prints what the lines say, and remembers whether a signal asked for the end and, if not,
    which line ended first, and how."""

    asked = False
    first_end: tuple[str, str] | None = None

    def write(self, message: Message) -> None:
        if message.name == SYSTEM_PRINTER_NAME:
            self._remember(message.data)
        else:
            with suppress(OSError):  # the terminal is gone
                super().write(message)

    def _remember(self, news: str) -> None:
        self.asked = self.asked or news.endswith(" received\n")
        if self.first_end is None and (ended := re.match(r"(\S+) stopped \(rc=(-?\d+)\)", news)):
            self.first_end = ended[1], ended[2]


def run(names: Sequence[str], procfile: Path = ROOT / "Procfile") -> int:
    """Run these lines until SIGTERM or SIGINT (0) or until one ends by itself (1), which ends
    the others. Raises KeyError for a line that the Procfile has not."""
    commands = parse_procfile(procfile.read_text()).processes
    screen = Screen(sys.stdout)
    manager = Manager(screen)
    for name in names:
        manager.add_process(name, commands[name], cwd=str(procfile.parent))
    manager.loop()
    if screen.asked or screen.first_end is None:
        return 0
    name, code = screen.first_end
    with suppress(OSError):
        click.echo(f"\nLa ligne « {name} » du Procfile s'est arrêtée toute seule (code {code}).")
    return ENDED_BY_ITSELF


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
