"""CPU times from a /proc that a test wrote."""

import os
from pathlib import Path

import pytest

from moeprof.device.cpu_time import cpu_times, load_average, time_of_processes_s

TICKS = os.sysconf("SC_CLK_TCK")
# user, nice, system, idle, iowait, irq, softirq, steal, guest, guest_nice
BUSY = (50, 10, 20, 100, 5, 1, 2, 12, 40, 0)
IDLE = (0, 0, 0, 190, 10, 0, 0, 0, 0, 0)


def write_stat(proc: Path, *cores: tuple[int, ...]) -> Path:
    whole = " ".join(str(sum(ticks)) for ticks in zip(*cores, strict=True))
    rows = [f"cpu{number} {' '.join(map(str, ticks))}" for number, ticks in enumerate(cores)]
    (proc / "stat").write_text("\n".join([f"cpu  {whole}", *rows, "intr 5 0", "ctxt 9", ""]))
    return proc


def write_process(proc: Path, pid: int, *ticks: int, name: str = "python") -> None:
    (proc / str(pid)).mkdir()
    before = " ".join(["S", "1", *["0"] * 9])
    text = f"{pid} ({name}) {before} {' '.join(map(str, ticks))} 20 0 1\n"
    (proc / str(pid) / "stat").write_text(text)


def test_all_but_idle_and_waiting_for_a_disk_is_busy_and_guests_count_once(tmp_path: Path) -> None:
    times = cpu_times([0, 1], write_stat(tmp_path, BUSY, IDLE))
    assert times == pytest.approx((400 / TICKS, 95 / TICKS))


def test_the_other_cores_of_the_machine_do_not_count(tmp_path: Path) -> None:
    assert cpu_times([1], write_stat(tmp_path, BUSY, IDLE)) == pytest.approx((200 / TICKS, 0))


def test_a_core_that_is_not_shown_makes_the_times_unknown(tmp_path: Path) -> None:
    """A container may show its own processors, renumbered from 0."""
    assert cpu_times([1, 2], write_stat(tmp_path, BUSY, IDLE)) is None


@pytest.mark.parametrize("text", [None, "", "cpu0 1 2\n", "cpu0 a b c d e f\n", "cpu0\n"])
def test_without_a_proper_stat_the_times_are_unknown(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "stat").write_text(text)
    assert cpu_times([0], tmp_path) is None


def test_the_time_of_a_process_has_that_of_children_that_ended(tmp_path: Path) -> None:
    write_process(tmp_path, 7, 10, 5, 3, 2)
    write_process(tmp_path, 8, 100, 0, 0, 0, name="a (b) c")
    assert time_of_processes_s([7, 8], tmp_path) == pytest.approx(120 / TICKS)


def test_a_process_that_is_not_there_counts_nothing(tmp_path: Path) -> None:
    assert time_of_processes_s([7], tmp_path) == 0


def test_this_process_has_taken_time() -> None:
    assert time_of_processes_s([os.getpid()]) > 0


def test_the_load_average_is_that_of_one_minute(tmp_path: Path) -> None:
    assert load_average(tmp_path) is None
    (tmp_path / "loadavg").write_text("6.90 3.10 1.00 5/121 17108\n")
    assert load_average(tmp_path) == 6.9
