"""For tests in any folder: the simulated GPU, stand-ins of tools, recordings, and real ones."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

import moeprof.tests.bytecode
import moeprof.tests.one_thread  # noqa: F401 - before all that imports numpy
from moeprof.costmodel.steptime.fit import srfa
from moeprof.device import cpu
from moeprof.profiler.lock import LOCK_DIR
from moeprof.profiler.schedule import schedule
from moeprof.scenarios import script
from moeprof.store.plan import Plan
from moeprof.store.recording import Recording
from moeprof.store.scenario import Scenario
from moeprof.tests.builders import EPOCH_NS, make_plan, make_recording, make_scenario
from moeprof.tests.fakenvml import fake
from moeprof.tests.nsys_file import NsysFile
from moeprof.tests.quiet_machine import quiet_machine

# Every run draws the same examples, and none fails for its time: neither a deadline of an example
# nor the time to draw it is checked. Tests make every example from the same read-only fixtures.
settings.register_profile(
    "moeprof",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("moeprof")


@pytest.fixture(scope="session", autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the locks and the key of this process's tests from those of the machine's users."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(LOCK_DIR, str(tmp_path_factory.mktemp("locks")))
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _quiet() -> Iterator[None]:
    """Let no test tell what else this machine does."""
    with quiet_machine():
        yield


@pytest.fixture(scope="session", autouse=True)
def _few_ridges() -> Iterator[None]:
    """Let fits of SRFA choose among 3 of its 27 ridges, which take most of the time of a fit.

    Tests of that choice have all of them (test_costmodel_steptime_fit_srfa.py).
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(srfa, "CHOICES", srfa.CHOICES[::13])
        yield


_CACHE_BYTES: Final = 1 << 20


@contextmanager
def quick_points() -> Iterator[None]:
    """Let a sweep time each size for a moment, and measure none a third time.

    How many sizes are measured again would depend on this machine, and so would the inputs: a
    script fills five last-level caches with them, 1.3 GB on some servers.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cpu, "last_level_cache_bytes", lambda: _CACHE_BYTES)
        patch.setattr(script, "WARMUP_S", 0.0)
        patch.setattr(script, "POINT_S", 0.005)
        patch.setattr(schedule, "MOST_VISITS", 2)
        yield


@pytest.fixture
def quickly() -> Iterator[None]:
    """Run a test under `quick_points`."""
    with quick_points():
        yield


@pytest.fixture(scope="session")
def fake_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The simulated libnvidia-ml.so.1; skips where there is no C compiler."""
    if fake.compiler() is None:
        pytest.skip("no C compiler to build the simulated NVML with")
    return fake.build(tmp_path_factory.mktemp("fakenvml"))


@pytest.fixture
def simulate(fake_library: Path, tmp_path: Path) -> fake.Simulate:
    @contextmanager
    def on(rows: Sequence[fake.TraceRow], **settings: object) -> Iterator[fake.VirtualClock]:
        clock = fake.VirtualClock(tmp_path / "clock")
        fake.write_trace(tmp_path / "trace.csv", rows)
        given = {"trace": tmp_path / "trace.csv", "clock": tmp_path / "clock"} | settings
        with fake.simulated_gpu(fake_library, **given):
            yield clock

    return on


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Put the stand-in of a tool on PATH, by the tool's name."""

    def install(tool: str) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        program = folder / tool
        code = Path(__file__).parent / "faketools" / f"fake_{tool}.py"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} {code} "$@"\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        return program

    return install


@pytest.fixture
def nsys_file(tmp_path: Path) -> Callable[..., NsysFile]:
    """Give a maker of synthetic nsys exports."""

    def make(version: str = "3.11.1", epoch_ns: int | None = EPOCH_NS, name: str = "") -> NsysFile:
        return NsysFile(tmp_path / (name or f"trace-{version}.sqlite"), version, epoch_ns)

    return make


@pytest.fixture
def scenario() -> Callable[..., Scenario]:
    """Give a maker of scenarios of one curve."""
    return make_scenario


@pytest.fixture
def recording() -> Callable[..., Recording]:
    """Give a maker of recordings of the sizes that they measured or report as failed."""
    return make_recording


@pytest.fixture
def plan() -> Plan:
    """Plan of one operation: sizes 1 to 8, of which 2 is held out."""
    return make_plan()


@pytest.fixture
def sample_data() -> Path:
    """Folder of real recordings."""
    folder = os.environ.get("MOEPROF_SAMPLE_DATA")
    if not folder:
        pytest.skip("MOEPROF_SAMPLE_DATA is unset: real recordings are not part of the project")
    return Path(folder)
