"""What the logs say: ids, counts and codes, and of nobody anything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from bot import consent
from bot.clock import wall
from bot.models.customers import Customer
from bot.settings import ROOT

BREAKS = """
import logging
from bot.logs import log, set_up_logs

def read(number):
    try:
        {}[number]
    except KeyError as error:
        raise ValueError(f"Julie has no {number}") from error

set_up_logs("worker")
try:
    read("+33645789012")
except ValueError:
    log().exception("delivery broke", delivery=7)
    logging.getLogger("somebody.elses").exception("broke")
"""


def lines_of(folder: Path, level: str) -> list[dict[str, object]]:
    """What a process says that breaks, and a library in it."""
    env = {**os.environ, "DATA_DIR": str(folder), "LOG_LEVEL": level, "LOG_FORMAT": "json"}
    ran = subprocess.run(
        [sys.executable, "-c", BREAKS],
        cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return [json.loads(line) for line in ran.stderr.splitlines()]


def test_what_breaks_is_found_by_its_place_and_kind_and_quotes_nobody(tmp_path: Path) -> None:
    ours, library = lines_of(tmp_path, "INFO")
    assert (ours["event"], ours["delivery"], library["event"]) == ("delivery broke", 7, "broke")
    for line in (ours, library):
        told = str(line["exception"])
        assert "KeyError" in told
        assert told.endswith("ValueError\n")
        assert "in read" in told
        assert "Julie" not in json.dumps(line)
        assert "645789012" not in json.dumps(line)


def test_who_looks_for_a_defect_may_have_what_errors_say(tmp_path: Path) -> None:
    ours, _ = lines_of(tmp_path, "DEBUG")
    assert "Julie has no +33645789012" in str(ours["exception"])


def test_who_says_stop_is_not_quoted() -> None:
    class Ledger(Session):
        def add(self, instance: object, _warn: bool = True) -> None:
            pass

    julie = Customer(id=4, tenant_id=1)
    with capture_logs() as said:
        consent.stop(Ledger(), julie, how="sms: Julie dit stop", now=wall(), message_id=9)
    assert said == [{"event": "stopped", "customer": 4, "message": 9, "log_level": "info"}]
