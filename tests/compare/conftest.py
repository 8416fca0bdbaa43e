"""Points to fit and to hold out, made of a function of batch size."""

from collections.abc import Callable, Iterable
from typing import Any

import pyarrow as pa
import pytest

from moeprof.costmodel.build import build_model
from moeprof.costmodel.model import KernelCostModel
from moeprof.store.provenance import Provenance
from moeprof.store.tables import table_from_columns


@pytest.fixture
def make_points() -> Callable[..., pa.Table]:
    def make(
        time_us: Callable[[int], float], sizes: Iterable[int], role: str, **columns: Any
    ) -> pa.Table:
        tokens = list(sizes)
        throughout = {
            "curve": "fc1-8x4-fp32-cold",
            "op": "fc1",
            "shape": [8, 4],
            "dtype": "float32",
            "l2": "cold",
            "regime": "burst",
            "role": role,
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
def fit() -> Callable[[pa.Table], KernelCostModel]:
    """Build a model of points."""
    provenance = Provenance(
        device="cpu",
        device_name="Some CPU",
        cache_bytes=None,
        cpu_name="Some CPU",
        cpu_count=2,
        threads=1,
        gpu=None,
        versions={},
        git_commit=None,
        git_dirty=None,
        host_hash="0f3a",
        utc="2026-01-01T00:00:00Z",
    )

    def fit(points: pa.Table) -> KernelCostModel:
        return KernelCostModel.from_file(
            build_model(points, preset="tiny", provenance=provenance, points_sha256="0" * 64)
        )

    return fit
