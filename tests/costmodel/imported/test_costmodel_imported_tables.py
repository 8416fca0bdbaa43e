"""Public tables become points with their origin; rows and power that cannot be are left out."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from moeprof.costmodel.build import build_model
from moeprof.costmodel.imported.aiconfigurator import Selection, read_aiconfigurator
from moeprof.costmodel.imported.source_rows import ImportedTable
from moeprof.costmodel.imported.tables import (
    NO_POWER,
    NO_POWER_HERE,
    points_of,
    provenance_of,
)
from moeprof.store.errors import BadInput

SIZES = [*range(1, 18), *range(32, 513, 32)]


def gemm_rows(**changes: Any) -> list[dict[str, Any]]:
    throughout: dict[str, Any] = {"framework": "VLLM", "version": "1.0", "device": "NVIDIA H200"}
    throughout |= {"gemm_dtype": "bfloat16", "n": 8192, "k": 8192, "kernel_source": "a"}
    return [throughout | {"m": m, "latency": 0.05 + 0.0002 * m} | changes for m in SIZES]


def write_gemms(root: Path, rows: list[dict[str, Any]], version: str = "1.0") -> None:
    folder = root / "h200_sxm" / "gemm" / "vllm" / version
    folder.mkdir(parents=True)
    pd.DataFrame(rows).to_parquet(folder / "gemm_perf.parquet")


def read(root: Path, **select: Any) -> ImportedTable:
    return read_aiconfigurator(root, Selection(families=("gemm",), **select), "abc123")


def test_a_gemm_table_becomes_a_model_with_its_origin(tmp_path: Path) -> None:
    write_gemms(tmp_path, gemm_rows())
    table = read(tmp_path)
    points, origin = points_of(table)
    assert points.num_rows == len(SIZES)
    assert {row["role"] for row in points.to_pylist()} == {"calibration", "fit", "holdout"}
    model = build_model(
        points,
        preset="x",
        provenance=provenance_of(table),
        points_sha256="0" * 64,
        origin=origin,
    )
    (curve,) = model.curves
    assert (model.source, curve.op, curve.shape) == ("imported", "gemm", (8192, 8192))
    assert model.origin is not None
    assert (model.origin.licence, model.origin.commit) == ("Apache-2.0", "abc123")
    assert len(model.origin.files["gemm_perf.parquet"]) == 64
    assert model.provenance.device_name == "NVIDIA H200"
    assert curve.energy_reason == NO_POWER
    assert curve.latency_us[0] == pytest.approx(50.2)


def test_smooth_power_gives_energy_and_erratic_power_is_withheld(tmp_path: Path) -> None:
    good = [row | {"power": 500.0 + row["m"] / 10} for row in gemm_rows()]
    write_gemms(tmp_path / "good", good)
    points, _ = points_of(read(tmp_path / "good"))
    first = points.to_pylist()[0]
    assert first["energy_mj"] == pytest.approx(500.1 * 50.2 / 1000)
    assert first["energy_source"] == "imported"
    bad = [row | {"power": 600.0 if row["m"] % 2 else 300.0} for row in gemm_rows()]
    write_gemms(tmp_path / "bad", bad)
    points, origin = points_of(read(tmp_path / "bad"))
    assert set(points["energy_mj"].to_pylist()) == {None}
    assert "not trustworthy" in points.to_pylist()[0]["energy_reason"]
    assert any("not trustworthy" in remark for remark in origin.remarks)


def test_a_row_faster_than_the_gpu_is_left_out_and_many_refuse_the_table(tmp_path: Path) -> None:
    rows = gemm_rows()
    rows[-1] = rows[-1] | {"latency": 0.001}
    write_gemms(tmp_path / "one", rows)
    points, origin = points_of(read(tmp_path / "one"))
    assert points.num_rows == len(SIZES) - 1
    (remark,) = origin.remarks
    assert remark.startswith("1 rows left out: ")
    assert "column 'latency', row 33: gemm-b512-8192x8192-bf16-cold took 1 us" in remark
    in_s = [row | {"latency": row["latency"] / 1000} for row in gemm_rows()]
    write_gemms(tmp_path / "all", in_s)
    with pytest.raises(BadInput, match="33 of 33 rows"):
        points_of(read(tmp_path / "all"))


def test_a_table_in_us_is_refused(tmp_path: Path) -> None:
    in_us = [row | {"latency": row["latency"] * 1000} for row in gemm_rows()]
    write_gemms(tmp_path, in_us)
    with pytest.raises(BadInput, match=r"column 'latency', row .* times what NVIDIA H200 needs"):
        points_of(read(tmp_path))


def test_a_size_measured_more_than_once_counts_with_its_median(tmp_path: Path) -> None:
    rows = [row | {"power": 500.0} for row in gemm_rows()]
    slower = rows[0] | {"latency": 1.5 * rows[0]["latency"], "power": 520.0}
    write_gemms(tmp_path, [*rows, slower, rows[1], rows[2] | {"power": 600.0}])
    points, origin = points_of(read(tmp_path))
    assert points.num_rows == len(SIZES)
    first, disputed = points.to_pylist()[0], points.to_pylist()[2]
    assert first["latency_us"] == pytest.approx(1250 * rows[0]["latency"])
    assert first["power_w"] == 510.0
    assert disputed["energy_mj"] is None
    counted, powers = origin.remarks
    assert counted.startswith("3 sizes were measured more than once, 0.0 % apart")
    assert "50.0 % at most" in counted
    assert powers.startswith("1 of those sizes")


def test_a_curve_of_one_size_is_told_at_once(tmp_path: Path) -> None:
    write_gemms(tmp_path / "one", gemm_rows()[:1])
    (remark,) = points_of(read(tmp_path / "one"))[1].remarks
    assert remark.startswith("1 of 1 curves dropped")
    assert remark.endswith("gemm-8192x8192-bf16-cold has 1 alone; no curve is left")
    write_gemms(tmp_path / "both", [*gemm_rows(), gemm_rows(n=4096)[0]])
    (remark,) = points_of(read(tmp_path / "both"))[1].remarks
    assert remark.startswith("1 of 2 curves dropped")
    assert remark.endswith("gemm-4096x8192-bf16-cold has 1 alone")


@pytest.mark.parametrize("power", [0.0, -5.0, float("nan"), None])
def test_power_that_was_not_measured_is_none_and_counted(tmp_path: Path, power: object) -> None:
    rows = [row | {"power": 500.0} for row in gemm_rows()]
    rows[4] = rows[4] | {"power": power}
    write_gemms(tmp_path, rows)
    points, origin = points_of(read(tmp_path))
    assert origin.remarks == ("1 of 33 rows have no energy: their power is empty, 0 or less",)
    fifth = points.to_pylist()[4]
    assert (fifth["power_w"], fifth["energy_mj"]) == (None, None)
    assert fifth["energy_reason"] == NO_POWER_HERE
