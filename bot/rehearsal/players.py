"""Players: a process for each stack, which lives in it and plays one rehearsal after the other."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from queue import SimpleQueue

from bot.logs import set_up_logs
from bot.rehearsal.player import Result, play
from bot.rehearsal.reading import Written
from bot.stack import Stack, adopt, open_stacks
from bot.supervise import dying_with_parent


@dataclass(frozen=True)
class Troupe:
    """Stacks and, for each, its player."""

    stacks: Sequence[Stack]
    players: Sequence[Executor]

    def play_all(self, rehearsals: Sequence[Written]) -> Iterator[Result]:
        """Each result in the rehearsals' order, as soon as it is there."""
        free: SimpleQueue[Executor] = SimpleQueue()
        for player in self.players:
            free.put(player)

        def play_one(written: Written) -> Result:
            player = free.get()
            try:
                return player.submit(play, written).result()
            except Exception as defect:  # ours: told with the rehearsal that showed it
                reason = f"{type(defect).__name__}: {defect}"
                name = written.rehearsal.name
                return Result(str(written.path), written.line, name, 0, reasons=(reason,))
            finally:
                free.put(player)

        with ThreadPoolExecutor(len(self.players)) as threads:
            yield from threads.map(play_one, rehearsals)


@contextmanager
def open_troupe(folder: Path, count: int) -> Iterator[Troupe]:
    """`count` stacks in `folder`, with a player in each. Raises CannotStart. The players load
    while the stacks start; bot.settings is read once a process, so each is one of its own."""
    with ExitStack() as stack:
        players = [
            stack.enter_context(ProcessPoolExecutor(1, mp_context=get_context("spawn")))
            for _ in range(count)
        ]
        obeyed = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is ours alone to obey
        for player in players:  # from this thread, with which they are to die
            player.submit(_begin, dying_with_parent())
        signal.signal(signal.SIGINT, obeyed)
        stacks = stack.enter_context(open_stacks(folder, count))
        for player, place in zip(players, stacks, strict=True):
            player.submit(_move_in, place.env).result()
        yield Troupe(stacks, players)


def _begin(die_with_parent: Callable[[], None]) -> None:
    die_with_parent()


def _move_in(env: Mapping[str, str]) -> None:
    adopt({**env, "LOG_LEVEL": "WARNING"})  # what is printed is the report
    set_up_logs("player")
