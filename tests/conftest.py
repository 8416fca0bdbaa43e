"""For tests in any folder: the simulated GPU, and sweeps that visit each size as planned."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import inf
from pathlib import Path

import pytest

from moeprof.profiler import agenda
from moeprof.tests.fakenvml import fake


@contextmanager
def no_size_in_doubt() -> Iterator[None]:
    """Visit no size twice for its noise: how many there are would depend on this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(agenda, "SPREAD_LIMIT", inf)
        patch.setattr(agenda, "_FALL", inf)
        yield


@pytest.fixture
def calm() -> Iterator[None]:
    with no_size_in_doubt():
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
