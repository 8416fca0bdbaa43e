"""Points to fit, made of a function of batch size."""

from collections.abc import Callable, Iterable
from typing import Any, Protocol

import pyarrow as pa
import pytest

from moeprof.costmodel.build import build_model
from moeprof.store.cost_model import CostModelFile
from moeprof.store.provenance import Provenance
from moeprof.store.tables import table_from_columns


class MakePoints(Protocol):
    """Make the points of one curve; a keyword sets one of its columns throughout."""

    def __call__(
        self, time_us: Callable[[int], float], sizes: Iterable[int], **columns: Any
    ) -> pa.Table:
        """Give a `points` table of one row per size."""
        ...


@pytest.fixture
def make_points() -> MakePoints:
    def make(time_us: Callable[[int], float], sizes: Iterable[int], **columns: Any) -> pa.Table:
        tokens = list(sizes)
        throughout = {
            "curve": "fc1-8x4-fp32-cold",
            "op": "fc1",
            "shape": [8, 4],
            "dtype": "float32",
            "l2": "cold",
            "regime": "burst",
            "role": "fit",
            "latency_source": "wall",
            "energy_source": "unavailable",
            "energy_reason": "this machine has no energy counter",
        } | columns
        measured = {"tokens": tokens, "latency_us": [time_us(size) for size in tokens]}
        return table_from_columns(
            "points", measured | {name: [v] * len(tokens) for name, v in throughout.items()}
        )

    return make


@pytest.fixture
def provenance() -> Provenance:
    return Provenance(
        device="cpu",
        device_name="Some CPU",
        cache_bytes=None,
        cpu_name="Some CPU",
        cpu_count=2,
        threads=1,
        gpu=None,
        versions={"torch": "2.10.0"},
        git_commit=None,
        git_dirty=None,
        host_hash="0f3a",
        utc="2026-01-01T00:00:00Z",
    )


@pytest.fixture
def build(provenance: Provenance) -> Callable[..., CostModelFile]:
    def build(*tables: pa.Table) -> CostModelFile:
        points = pa.concat_tables(tables)
        return build_model(points, preset="tiny", provenance=provenance, points_sha256="0" * 64)

    return build


@pytest.fixture
def file(
    make_points: Callable[..., pa.Table], build: Callable[..., CostModelFile]
) -> CostModelFile:
    """Model of 100 W idle and 5 W more for each token, whose heat nobody measured."""
    metered = {"energy_source": "nvml_counter", "energy_reason": None, "idle_power_w": 100.0}
    tables = [
        make_points(lambda _: 10.0, [size], energy_mj=(100 + 5 * size) / 100, **metered)
        for size in range(1, 102, 10)
    ]
    return build(*tables)
