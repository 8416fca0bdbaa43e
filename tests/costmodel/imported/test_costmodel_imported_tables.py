"""Public tables become points with their origin; rows and power that cannot be are left out."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from moeprof.costmodel.build import build_model
from moeprof.costmodel.imported.aiconfigurator import Selection, read_aiconfigurator
from moeprof.costmodel.imported.tables import NO_POWER, ImportedTable, points_of, provenance_of
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
    assert origin.remarks[0].startswith("1 rows left out: gemm-b512-8192x8192-bf16-cold took 1 us")
    in_s = [row | {"latency": row["latency"] / 1000} for row in gemm_rows()]
    write_gemms(tmp_path / "all", in_s)
    with pytest.raises(BadInput, match="33 of 33 rows"):
        points_of(read(tmp_path / "all"))


def test_two_versions_are_not_merged(tmp_path: Path) -> None:
    write_gemms(tmp_path, gemm_rows())
    write_gemms(tmp_path, gemm_rows(version="2.0"), "2.0")
    with pytest.raises(BadInput, match=r"2 values of version: 1\.0, 2\.0"):
        read(tmp_path)
    assert read(tmp_path, version="2.0").versions == {"vllm": "2.0"}


@pytest.mark.parametrize("latency", [0.0, -1.0, float("nan")])
def test_an_impossible_latency_is_named(tmp_path: Path, latency: float) -> None:
    rows = gemm_rows()
    rows[3] = rows[3] | {"latency": latency}
    write_gemms(tmp_path, rows)
    with pytest.raises(BadInput, match="the latency of gemm-b4-8192x8192-bf16-cold is"):
        points_of(read(tmp_path))


def test_a_size_with_two_latencies_is_named(tmp_path: Path) -> None:
    write_gemms(tmp_path, [*gemm_rows(), gemm_rows()[0] | {"latency": 0.06}])
    with pytest.raises(BadInput, match="stands twice at batch size 1"):
        points_of(read(tmp_path))


def test_a_file_that_is_no_such_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="does not exist"):
        read(tmp_path / "nowhere")
    with pytest.raises(BadInput, match="holds no table that fits"):
        read(tmp_path)
    with pytest.raises(BadInput, match="'int3' is no dtype here"):
        read(tmp_path, dtype="int3")
    write_gemms(tmp_path, [{"m": 1}])
    with pytest.raises(BadInput, match="lacks the column 'gemm_dtype'"):
        read(tmp_path)
    (tmp_path / "gemm_perf.parquet").write_bytes(b"not a table")
    with pytest.raises(BadInput, match="is not a Parquet table"):
        read(tmp_path / "gemm_perf.parquet")
