"""The logger beside a server: nothing stops it, nothing is lost unsaid."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from moeprof.router.metrics import logger as logger_module
from moeprof.router.metrics.log_folder import read_metrics
from moeprof.router.metrics.logger import MetricsLogger
from moeprof.router.metrics.row import MetricsRow
from moeprof.store.errors import BadInput
from moeprof.tests.router.forked import fork

LONG_S = 60
FORMATS = pytest.mark.parametrize("ending", ["csv", "parquet"])


def steps(path: Path) -> list[int]:
    if path.suffix == ".csv":
        return [int(step) for step in pd.read_csv(path, comment="#")["step"]]
    return [int(step) for step in read_metrics(path)["step"].to_numpy()]


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Flush, and try to open the log, all the time."""
    monkeypatch.setattr(logger_module, "FLUSH_S", 0.001)
    monkeypatch.setattr(logger_module, "RETRY_S", 0.0)


@FORMATS
def test_rows_of_several_threads_are_all_written(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"m.{ending}"
    with MetricsLogger(path) as log:

        def add(begin: int) -> None:
            for step in range(begin, begin + 200):
                log.log(MetricsRow(step=step, expert_counts=[step, 1]))

        threads = [threading.Thread(target=add, args=(200 * n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(steps(path)) == list(range(800))
    assert log.lost == 0


@FORMATS
def test_a_log_is_added_to(tmp_path: Path, ending: str) -> None:
    for step in (1, 2):
        with MetricsLogger(str(tmp_path / f"m.{ending}")) as log:
            log.log(MetricsRow(step=step))
    assert steps(tmp_path / f"m.{ending}") == [1, 2]


@FORMATS
def test_a_killed_process_loses_only_what_was_not_flushed(tmp_path: Path, ending: str) -> None:
    """It is killed in the midst of writing; what it had seen on the disk is there, and whole."""
    path = tmp_path / f"m.{ending}"
    script = f"""
import time
from pathlib import Path
from moeprof.router.metrics import logger
from moeprof.router.metrics.row import MetricsRow
logger.FLUSH_S = 0.002
path = Path({str(path)!r})
file = path if path.suffix == ".csv" else path / "_rows.arrows"
log = logger.MetricsLogger(path)
step = size = flushes = 0
while True:
    log.log(MetricsRow(step=step, expert_counts=range(64)))
    step += 1
    time.sleep(0.0001)
    if file.stat().st_size > size:  # rows that were logged a while ago are there
        size = file.stat().st_size
        flushes += 1
        print(flushes, flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= 8:
                break
        process.send_signal(signal.SIGKILL)
    with MetricsLogger(path) as log:
        log.log(MetricsRow(step=-1))
    *found, last = steps(path)
    assert len(found) >= 6  # the first growth may be the head of the file
    assert found == list(range(len(found)))
    assert last == -1


@FORMATS
def test_two_writers_of_one_log_are_refused_by_name(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"m.{ending}"
    with MetricsLogger(path) as log:
        script = f"from moeprof.router.metrics.logger import *; MetricsLogger({str(path)!r})"
        other = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, timeout=LONG_S
        )
        assert f"{path}" in other.stderr
        assert "is being written by another logger" in other.stderr
        with pytest.raises(BadInput, match="another logger"):
            MetricsLogger(path)
        log.log(MetricsRow(step=1))
    assert steps(path) == [1]


@pytest.mark.parametrize("path", ["m.json", "m", "m.csv.gz"])
def test_another_ending_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(BadInput, match="names no format") as refused:
        MetricsLogger(tmp_path / path)
    assert refused.value.hint == "end it in .csv or .parquet"


@FORMATS
@pytest.mark.usefixtures("at_once")
def test_a_place_that_is_not_writable_is_told_once_and_tried_again(
    tmp_path: Path, ending: str, caplog: pytest.LogCaptureFixture
) -> None:
    place = tmp_path / "folder"
    place.write_text("a file where the folder should be")
    with caplog.at_level(logging.WARNING), MetricsLogger(place / f"m.{ending}") as log:
        log.log(MetricsRow(step=1))
        some_flushes()
        until(lambda: bool(caplog.records))
        assert (log.lost, len(caplog.records)) == (0, 1)
        assert f"{place}/m.{ending}: " in caplog.text
        place.unlink()
        until(lambda: holds(place / f"m.{ending}", [1]))
        log.log(MetricsRow(step=2))
    assert steps(place / f"m.{ending}") == [1, 2]


def some_flushes() -> None:
    """Time for several flushes; a machine without it tests less and fails nothing."""
    time.sleep(0.03)


def until(condition: Callable[[], bool]) -> None:
    """Wait until it holds."""
    end_s = time.monotonic() + LONG_S
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.002)


def holds(path: Path, wanted: list[int]) -> bool:
    """Whether a log that is written holds these steps by now."""
    try:
        return steps(path) == wanted
    except (BadInput, FileNotFoundError, pd.errors.EmptyDataError):
        return False


@FORMATS
@pytest.mark.usefixtures("at_once")
def test_a_full_disk_loses_nothing_until_the_queue_is_full(
    tmp_path: Path, ending: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logger_module, "MOST_ROWS", 5)
    path, pwrite = tmp_path / f"m.{ending}", os.pwrite

    def full(descriptor: int, data: Any, place: int) -> int:
        if place > 0 or len(data) > 100:
            pwrite(descriptor, data[: len(data) // 2], place)
            raise OSError(28, "No space left on device")
        return pwrite(descriptor, data, place)

    with caplog.at_level(logging.WARNING), MetricsLogger(path) as log:
        log.log(MetricsRow(step=0))
        until(lambda: holds(path, [0]))
        monkeypatch.setattr(os, "pwrite", full)
        for step in range(1, 9):
            log.log(MetricsRow(step=step))
            some_flushes()
        lost = log.lost
        monkeypatch.setattr(os, "pwrite", pwrite)
        until(lambda: holds(path, [0, 1, 2, 3, 4, 5]))
        log.log(MetricsRow(step=9))
    assert steps(path) == [0, 1, 2, 3, 4, 5, 9]
    assert (lost, log.lost) == (3, 3)
    assert caplog.text.count("no space left") == 1


@FORMATS
@pytest.mark.usefixtures("at_once")
def test_a_log_that_is_moved_away_is_begun_anew(tmp_path: Path, ending: str) -> None:
    path, moved = tmp_path / f"m.{ending}", tmp_path / f"moved.{ending}"
    with MetricsLogger(path) as log:
        log.log(MetricsRow(step=1))
        until(lambda: holds(path, [1]))
        path.rename(moved)
        log.log(MetricsRow(step=2))
        until(lambda: holds(path, [2]))
        log.log(MetricsRow(step=3))
    assert steps(moved) == [1]
    assert steps(path) == [2, 3]


def test_a_row_of_wrong_types_is_lost_alone_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), MetricsLogger(tmp_path / "m.parquet") as log:
        log.log(MetricsRow(step=1))
        log.log(MetricsRow(step=2, tokens="many"))  # type: ignore[arg-type]
        log.log(MetricsRow(step=3))
    assert steps(tmp_path / "m.parquet") == [1, 3]
    assert log.lost == 1
    assert "many" in caplog.text


@pytest.mark.usefixtures("at_once")
def test_a_disk_that_hangs_stops_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logger_module, "CLOSE_S", 0.05)
    asked, answers, pwrite = threading.Event(), threading.Event(), os.pwrite

    def hanging(descriptor: int, data: Any, place: int) -> int:
        asked.set()
        assert answers.wait(LONG_S)
        return pwrite(descriptor, data, place)

    log = MetricsLogger(tmp_path / "m.csv")
    monkeypatch.setattr(os, "pwrite", hanging)
    log.log(MetricsRow(step=1))
    assert asked.wait(LONG_S)
    log.log(MetricsRow(step=2))
    with caplog.at_level(logging.WARNING):
        log.close()
    assert "the disk does not answer" in caplog.text
    assert "closed before 2 rows were written; rows lost so far: 2" in caplog.text
    assert log.lost == 2
    answers.set()


def test_after_it_is_closed_rows_are_lost_and_that_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = MetricsLogger(tmp_path / "m.csv")
    log.close()
    log.close()
    with caplog.at_level(logging.WARNING):
        log.log(MetricsRow())
        log.log(MetricsRow())
    assert (log.lost, len(caplog.records)) == (2, 1)
    assert "is closed" in caplog.text


@FORMATS
def test_a_forked_process_loses_its_rows_and_takes_nothing_from_the_log(
    tmp_path: Path, ending: str
) -> None:
    path = tmp_path / f"m.{ending}"
    log = MetricsLogger(path)
    log.log(MetricsRow(step=1))
    ready, go = os.pipe()
    child = fork()
    if not child:  # it lives until the parent has closed the log, and opened it again
        code = 1
        try:
            logging.disable()
            log.log(MetricsRow(step=99))
            assert log.lost == 1
            log.close()
            os.close(go)
            os.read(ready, 1)
            code = 0
        finally:
            os._exit(code)
    log.log(MetricsRow(step=2))
    log.close()
    with MetricsLogger(path) as again:
        again.log(MetricsRow(step=3))
    os.close(go)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    os.close(ready)
    assert steps(path) == [1, 2, 3]


@FORMATS
def test_the_end_of_the_interpreter_writes_what_waits(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"m.{ending}"
    script = f"""
from moeprof.router.metrics.logger import MetricsLogger
from moeprof.router.metrics.row import MetricsRow
log = MetricsLogger({str(path)!r})
log.log(MetricsRow(step=7))
"""
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=LONG_S
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert steps(path) == [7]
