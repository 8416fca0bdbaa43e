"""The process that records: what it answers, and what it leaves in the file."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from moeprof.device.nvml import ENERGY, NvmlCode, Reading
from moeprof.device.rapl_sensors import RaplSensors
from moeprof.profiler.power.recording_process import serve
from moeprof.profiler.power.sensor_log import Header, rows_of
from moeprof.store.errors import CannotMeasure

HEADER: Header = {"gpu": "cpu"}


class Counter(RaplSensors):
    """A counter that stands still."""

    def __init__(self) -> None:
        super().__init__([])

    def energy(self) -> tuple[Reading, ...]:
        return (Reading(ENERGY, NvmlCode.SUCCESS, 7),)


@contextmanager
def a_counter(device: str, moeprof_pid: int) -> Iterator[tuple[Header, RaplSensors]]:
    if device == "none":
        raise CannotMeasure("there is none", hint="take another")
    assert moeprof_pid == 41
    yield HEADER, Counter()


def answers(tmp_path: Path, requests: str) -> tuple[list[dict[str, Any]], str]:
    """What it answers to requests that all came at once, and the file it wrote."""
    (tmp_path / "requests").write_text(requests)
    said: list[dict[str, Any]] = []
    file = os.open(tmp_path / "rows", os.O_CREAT | os.O_WRONLY)
    with (tmp_path / "requests").open() as lines:
        serve(lines, said.append, file, 41, a_counter)
    os.close(file)
    return said, (tmp_path / "rows").read_text()


def test_it_says_the_header_and_how_many_readings_are_in_the_file(tmp_path: Path) -> None:
    (ready, begun, ended), text = answers(tmp_path, "record cpu\nstop\n")
    assert (ready, begun) == ({"ready": True}, {"header": HEADER})
    rows = rows_of(text)
    assert ended == {"rows": len(rows)}
    assert {"clock_epoch_ns", "clock_boot_ns"} <= {row[2] for row in rows}


def test_it_records_again_after_a_device_that_is_not_there(tmp_path: Path) -> None:
    said, _ = answers(tmp_path, "record none\nrecord cpu\nstop\nrecord cpu\nstop\n")
    assert said[1] == {"refused": "there is none", "hint": "take another"}
    assert [*said[2], *said[3], *said[4], *said[5]] == ["header", "rows", "header", "rows"]


def test_it_ends_when_nothing_more_is_asked(tmp_path: Path) -> None:
    said, _ = answers(tmp_path, "record cpu\n")
    assert said[-1].keys() == {"rows"}
