"""Readings that stay: appended whole, cut by a kill, of one question, one writer at a time."""

from pathlib import Path

import msgspec
import pytest

from moeprof.pipeline.revisions.readings_log import Reading, ReadingsLog, held
from moeprof.store.errors import BadInput

ONE = Reading("c" * 40, "t" * 40, "a machine", 0, "2026-01-01T00:00:00+00:00", 1.5)
LOST = Reading("d" * 40, "u" * 40, "a machine", 1, "2026-01-01T00:00:01+00:00", None, "no build")


@pytest.fixture
def log(tmp_path: Path) -> ReadingsLog:
    log = ReadingsLog(tmp_path, "how long?")
    log.add(ONE)
    log.add(LOST)
    return log


def test_readings_are_there_for_the_next_start(log: ReadingsLog, tmp_path: Path) -> None:
    again = ReadingsLog(tmp_path, "how long?")
    assert again.readings == [ONE, LOST]
    assert again.next_session == 2


@pytest.mark.parametrize("cut", [1, 5, 60])
def test_a_line_that_a_kill_cut_is_dropped_and_the_log_goes_on(
    log: ReadingsLog, tmp_path: Path, cut: int
) -> None:
    log.path.write_bytes(log.path.read_bytes()[:-cut])
    again = ReadingsLog(tmp_path, "how long?")
    assert again.readings == [ONE]
    again.add(LOST)
    assert ReadingsLog(tmp_path, "how long?").readings == [ONE, LOST]


def test_readings_of_another_question_are_refused(log: ReadingsLog, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="of another question"):
        ReadingsLog(tmp_path, "how warm?")


def changed(**fields: object) -> str:
    return msgspec.json.encode(msgspec.to_builtins(ONE) | fields).decode()


@pytest.mark.parametrize(
    "line",
    ["[1]", '{"commit": 1}', "{}", "\x00", changed(value=0.0), changed(value=-1.0),
     changed(session=-1), changed(session=2**40)],
)  # fmt: skip
def test_what_is_no_reading_is_refused(log: ReadingsLog, tmp_path: Path, line: str) -> None:
    with log.path.open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(BadInput, match="is no log of readings"):
        ReadingsLog(tmp_path, "how long?")


def test_two_processes_never_write_the_same_log(tmp_path: Path) -> None:
    with (
        held(tmp_path),
        pytest.raises(BadInput, match="another process reads commits"),
        held(tmp_path),
    ):
        raise AssertionError("both hold it")
