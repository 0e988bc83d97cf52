"""Files that cannot be read are told by name, line and reason; keys we cannot play by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.rehearsal.commands import rehearse
from bot.rehearsal.player import play
from bot.rehearsal.reading import Unreadable, read_file, read_paths

GOOD = """\
name: She asks
tenant: elegance-paris
clock: 2025-01-13T10:15:00+01:00
steps:
  - customer: Bonjour
    via: sms
    from: "+33645789012"
    expect:
      replies: [{has: Julie}]
"""


def write(folder: Path, text: str, name: str = "said.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ("tenant: elegance-paris\n", "", 1, "tenant: Field required"),
        ("clock: 2025-01-13T10:15:00+01:00", "clock: soon", 3, "clock: "),
        ("10:15:00+01:00", "10:15:00", 3, "clock: Input should have timezone info"),
        ("steps:\n", "steps: {}\nothers:\n", 4, "steps: "),
        ("has: Julie", "has: {a: b}", 9, "steps[1].expect.replies[1].has: "),
        ("has: Julie", "via: pigeon", 9, "steps[1].expect.replies[1].via: "),
        ("via: sms", "via: sms\n    via: sms", 7, "via stands there twice"),
        ("via: sms", "wait: +2h", 5, "steps[1]: exactly one of customer, wait"),
        ("customer: Bonjour", "wait: a while", 5, "steps[1].wait: expected a time"),
        ("customer: Bonjour", "adviser:", 5, "an adviser's step needs a text"),
        ("name: She asks", "name: [She asks", 2, "expected ',' or ']'"),
        ("name: She asks", "name: {a: b}", 1, "name: Input should be a valid string"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_by_line_and_reason(
    tmp_path: Path, old: str, new: str, line: int, reason: str
) -> None:
    assert old in GOOD
    path = write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(Unreadable) as refusal:
        read_file(path)
    told = str(refusal.value)
    assert told.startswith(f"{path}:{line}: ")
    assert reason in told


def test_the_command_ends_with_2_and_names_the_file(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    bad = write(tmp_path, GOOD + "---\n" + GOOD.replace("via: sms", "via: 7 pigeons"), "worse.yaml")
    done = CliRunner().invoke(rehearse, [str(tmp_path)])
    assert done.exit_code == 2
    assert f"{bad}:16: steps[1].via: " in done.output


def test_the_command_ends_with_2_when_there_is_no_such_file(tmp_path: Path) -> None:
    done = CliRunner().invoke(rehearse, [str(tmp_path / "nothing.yaml")])
    assert done.exit_code == 2
    assert "nothing.yaml:1: No such file" in done.output


def test_what_is_not_utf8_is_told_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"name: a\ntenant: \xe9l\xe9gance\n")
    with pytest.raises(Unreadable, match=r"latin\.yaml:2: no UTF-8"):
        read_file(path)


def test_a_folder_means_every_yaml_file_below_it_and_a_file_may_hold_several(
    tmp_path: Path,
) -> None:
    (tmp_path / "deep").mkdir()
    write(tmp_path, f"{GOOD}---\n{GOOD.replace('She asks', 'She asks again')}", "b.yaml")
    write(tmp_path / "deep", GOOD.replace("She asks", "Deep below"), "c.yaml")
    write(tmp_path, "not: ours", "notes.txt")
    found = read_paths([tmp_path])
    assert [each.rehearsal.name for each in found] == ["She asks", "She asks again", "Deep below"]
    assert [each.line for each in found] == [1, 11, 1]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("via: sms", "via: web", "via: web (line 6) is not supported yet"),
        ("via: sms", "via: sms\n    subject: Robe", "subject by sms (line 7) is not supported"),
        ("via: sms", "via: sms\n    with: [{customer: Oui, via: web}]", "via: web (line 7)"),
        ("via: sms", "via: sms\n    mood: sunny", "mood (line 7) is not supported yet"),
        ("steps:", "world: {weather: rain}\nsteps:", "weather (line 4) is not supported yet"),
        ("steps:", "world: {down: [orderdb]}\nsteps:", "down: orderdb (line 4)"),
        ("steps:", "world: {policy: {discount: 3}}\nsteps:", "discount (line 4)"),
        ("replies: [{has: Julie}]", "crm: [{sum: 3}]", "sum (line 9) is not supported yet"),
        ("replies: [{has: Julie}]", "mood: sunny", "mood (line 9) is not supported yet"),
    ],
)
def test_what_cannot_be_played_yet_fails_its_rehearsal_by_name(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    assert old in GOOD
    (written,) = read_file(write(tmp_path, GOOD.replace(old, new)))
    result = play(written)
    assert not result.passed
    assert any(told in reason for reason in result.reasons), result.reasons


def test_a_phone_number_without_quotes_keeps_its_plus(tmp_path: Path) -> None:
    (written,) = read_file(write(tmp_path, GOOD.replace('"+33645789012"', "+33645789012")))
    assert written.rehearsal.steps[0].sender == "+33645789012"  # type: ignore[union-attr]
