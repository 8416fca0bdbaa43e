"""docs/model.md: its examples run, and it explains every field of the file."""

import doctest
import re
from dataclasses import fields
from math import prod
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from moeprof.costmodel.build import build_model
from moeprof.costmodel.cost import Cost
from moeprof.costmodel.curve.next_size import Seen, next_size
from moeprof.costmodel.thermal.leakage import Leakage
from moeprof.costmodel.thermal.poles import ThermalModel
from moeprof.costmodel.thermal.response import with_thermal
from moeprof.energy.per_launch import NOT_SETTLED
from moeprof.store.cost_model import (
    CostModelFile,
    CurveModel,
    Domain,
    FitError,
    IntervalScores,
    Origin,
    Peaks,
    Pole,
    SurfaceModel,
    Thermal,
    ThermalResponse,
    Work,
)
from moeprof.store.document import write_document
from moeprof.store.tables.parquet import table_from_columns
from moeprof.tests.builders import make_provenance

PAGE = Path(__file__).parents[2] / "docs" / "model.md"


def fc1_us(size: int) -> float:
    """A staircase of 64 rows a tile on a slope."""
    return 40.0 + 12 * -(-size // 64) + 0.01 * size


def act_us(size: int) -> float:
    """A straight line."""
    return 8.0 + 0.05 * size


def points(
    op: str, shape: list[int], times_us: dict[int, float], power_w: float | None = None
) -> pa.Table:
    count = len(times_us)
    throughout: dict[str, Any] = {
        "curve": f"{op}-fp32-cold",
        "op": op,
        "shape": shape,
        "dtype": "float32",
        "l2": "cold",
        "regime": "burst",
        "role": "fit",
        "latency_source": "wall",
        "energy_source": "unavailable",
        "energy_reason": NOT_SETTLED,
    }
    if power_w is not None:
        throughout |= {"energy_source": "nvml_counter", "energy_reason": None, "idle_power_w": 90.0}
    columns: dict[str, Any] = {name: [value] * count for name, value in throughout.items()}
    columns |= {"tokens": list(times_us), "latency_us": list(times_us.values())}
    if power_w is not None:
        columns["energy_mj"] = [time_us * power_w / 1000 for time_us in times_us.values()]
    weights, rows = prod(shape) if len(shape) > 1 else 0, sum(shape)
    columns["flops"] = [2 * size * (weights or rows) for size in times_us]
    columns["bytes_moved"] = [4 * (weights + size * rows) for size in times_us]
    return table_from_columns("points", columns)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that holds the model of the page's examples, as the working directory."""
    fc1 = {size: fc1_us(size) for size in range(1, 513, 73)}
    while len(fc1) < 24 and (size := next_size(Seen(fc1), range(1, 513))):
        fc1[size] = fc1_us(size)
    act = {size: act_us(size) for size in range(1, 513, 73)}
    failed = points("fc2", [4096, 14336], {1: 1.0}).to_pydict() | {"latency_us": [None]}
    failed["failure"] = ["out of memory"]
    tables = [points("fc1", [14336, 4096], fc1), points("act", [14336], act, 300.0)]
    provenance = make_provenance("cuda:0", device_name="Some GPU")
    file = build_model(
        pa.concat_tables([*tables, table_from_columns("points", failed)]),
        preset="tiny",
        provenance=provenance,
        points_sha256="0" * 64,
    )
    step = ThermalModel((Pole(3.0, 0.02), Pole(60.0, 0.05)), 30.0, rmse_c=0.3, hot_s=120.0)
    heated = with_thermal(file, step, 2990, "nvml_counter", Leakage(0.5, 0.03, 50.0))
    write_document(tmp_path / "kernel_cost_model.json", heated)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_examples_of_the_page_run(folder: Path) -> None:
    source = "\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL))
    flags = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL
    test = doctest.DocTestParser().get_doctest(source, {}, PAGE.name, str(PAGE), 0)
    assert len(test.examples) >= 5
    said: list[str] = []
    results = doctest.DocTestRunner(optionflags=flags).run(test, out=said.append)
    assert results.failed == 0, "".join(said)


EXPLAINED: list[type[Any]] = [
    *(CostModelFile, CurveModel, Domain, FitError, IntervalScores, Cost),
    *(Origin, Peaks, Pole, SurfaceModel, Thermal, ThermalResponse, Work),
]


@pytest.mark.parametrize("cls", EXPLAINED)
def test_the_page_explains_every_field(cls: type[Any]) -> None:
    page = PAGE.read_text()
    assert [field.name for field in fields(cls) if f"`{field.name}`" not in page] == []
