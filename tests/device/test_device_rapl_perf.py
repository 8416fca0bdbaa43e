"""RAPL through perf events, which a synthetic folder describes."""

import platform
import time
from pathlib import Path

import pytest

from moeprof.device.rapl_perf import open_counters
from moeprof.store.errors import CannotMeasure

SOFTWARE, CPU_CLOCK_NS = 1, "event=0x0"  # an event that every Linux has, in place of energy
NO_SUCH_TYPE = 9999


def events(folder: Path, kind: int) -> Path:
    (folder / "events").mkdir()
    files = {
        "type": kind,
        "cpumask": "0",
        "events/energy-pkg": CPU_CLOCK_NS,
        "events/energy-pkg.scale": 1e-9,
    }
    for name, value in files.items():
        (folder / name).write_text(f"{value}\n", encoding="ascii")
    return folder


def test_a_counter_grows_in_its_unit(tmp_path: Path) -> None:
    try:
        (counter,) = open_counters(events(tmp_path, SOFTWARE))
    except CannotMeasure as reason:
        pytest.skip(f"perf events cannot be opened here: {reason.message}")
    begin_s = time.monotonic()
    before_uj = counter.energy_uj()
    time.sleep(0.05)
    grown_uj = counter.energy_uj() - before_uj
    passed_s = time.monotonic() - begin_s  # around both readings, so a pause between lengthens it
    assert 0.04e6 <= grown_uj <= passed_s * 1.1e6  # the stand-in counts 1 "J" a second
    counter.close()
    with pytest.raises(CannotMeasure):
        counter.energy_uj()


def test_without_the_events_rapl_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotMeasure) as caught:
        open_counters(tmp_path)
    assert str(tmp_path) in caught.value.message
    assert caught.value.hint


def test_events_that_the_kernel_refuses_are_named(tmp_path: Path) -> None:
    with pytest.raises(CannotMeasure, match=r"perf refuses|has none"):
        open_counters(events(tmp_path, NO_SUCH_TYPE))


def test_another_architecture_has_no_rapl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(CannotMeasure, match="aarch64"):
        open_counters(events(tmp_path, SOFTWARE))
