"""The idle device, on made-up readings."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from moeprof.device.nvml import ENERGY, SM_CLOCK
from moeprof.energy.power_log import PowerLog
from moeprof.pipeline.selftest.steps import idle
from moeprof.pipeline.selftest.steps.idle import watch_idle
from moeprof.store.errors import CannotMeasure
from moeprof.store.provenance import Gpu, Provenance
from moeprof.tests.builders import make_provenance
from moeprof.tests.energy.power_logs import S, counter, series, steady_log
from moeprof.tests.pipeline.selftest.steps.told import work_in

GPU = Gpu(0, "NVIDIA H200", "GPU-1", "580", None, 700.0, None, None, False, None)
LOAD = 'import os, sys; os.write(int(os.environ["MOEPROF_ANSWERS_FD"]), b"{}\\n"); sys.stdin.read()'
SECONDS = np.arange(0, 8 * S, S)


@pytest.fixture
def on_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[PowerLog], None]:
    """Give a function that lets a GPU's sensors have recorded a log."""
    (tmp_path / "load.py").write_text(LOAD)
    described = make_provenance("cuda:0", gpu=GPU)

    @contextmanager
    def recorder(provenance: Provenance, path: Path) -> Iterator[SimpleNamespace]:
        assert (provenance.gpu, path) == (GPU, tmp_path / "idle" / "power.csv")
        yield SimpleNamespace()

    def put(log: PowerLog) -> None:
        monkeypatch.setattr(idle, "choose_device", lambda name: "cuda:0")
        monkeypatch.setattr(idle, "describe_here", lambda device, threads: described)
        monkeypatch.setattr(idle, "LOAD", tmp_path / "load.py")
        monkeypatch.setattr(idle, "sleep_s", lambda clock, seconds: None)
        monkeypatch.setattr(idle, "open_recorder", recorder)
        monkeypatch.setattr(idle, "read_power_log", lambda path: log)

    return put


def test_power_and_the_course_of_the_clock_are_told(
    tmp_path: Path, on_gpu: Callable[[PowerLog], None]
) -> None:
    clock = series(SECONDS, np.where(SECONDS < 3 * S, 1980, 345))
    on_gpu(steady_log({ENERGY: counter(76.0, 8.0), SM_CLOCK: clock}, seconds=8))
    found = watch_idle(work_in(tmp_path)[0])
    assert found["power_w"] == pytest.approx(76.0, rel=0.01)
    assert found["power_spread"] < 0.01
    assert (found["sm_clock_mhz"][0], found["sm_clock_mhz"][-1]) == (1980, 345)
    assert found["sm_clock_s"][-1] == pytest.approx(7)
    assert found["temp_c"] == 60


def test_a_counter_that_stands_still_gives_no_spread_and_the_power_sensor_its_power(
    tmp_path: Path, on_gpu: Callable[[PowerLog], None]
) -> None:
    stuck = series(np.arange(0, 8 * S, S // 100), 5e6)
    on_gpu(steady_log({ENERGY: stuck}, seconds=8))
    found = watch_idle(work_in(tmp_path)[0])
    assert found["power_spread"] is None
    assert found["power_w"] == pytest.approx(480.0, rel=0.01)
    assert (found["sm_clock_mhz"], found["sm_clock_s"]) == ([], [])


def test_without_a_gpu_there_is_nothing_to_watch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idle, "choose_device", lambda name: "cpu")
    with pytest.raises(CannotMeasure, match="there is no GPU"):
        watch_idle(work_in(tmp_path)[0])
