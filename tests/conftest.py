"""The simulated GPU, for tests in any folder."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from moeprof.tests.fakenvml import fake


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
