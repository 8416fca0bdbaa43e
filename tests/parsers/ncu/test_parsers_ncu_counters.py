"""Raw pages of Nsight Compute."""

from pathlib import Path

import pytest

from moeprof.parsers.messages import Refusal, TraceWarning
from moeprof.parsers.ncu.counters import read_ncu
from moeprof.store.errors import BadInput

NAMES = [
    "ID", "Process ID", "Process Name", "Host Name", "Kernel Name", "gpu__time_duration.sum",
    "dram__bytes_read.sum", "gpc__cycles_elapsed.avg.per_second", "smsp__inst_executed.sum",
    "l1tex__t_sector_hit_rate.pct",
]  # fmt: skip


def _page(path: Path, units: list[str], *rows: list[str], before: str = "") -> Path:
    cells = [NAMES, ["", "", "", "", "", *units]]
    cells += [["0", "1", "python", "host", "gemm(int, float)", *row] for row in rows]
    lines = (",".join(f'"{cell}"' for cell in row) for row in cells)
    path.write_text(before + "\n".join(lines) + "\n")
    return path


BASE = ["ns", "byte", "hz", "inst", "%"]


@pytest.mark.parametrize(
    ("units", "row"),
    [
        (BASE, ["10816", "4206592", "1098684818.79", "1,735,680", "69.82"]),
        (["us", "Mbyte", "Ghz", "inst", "%"],
         ["10.816", "4.206592", "1.09868481879", "1735680.000000", "69.82"]),
        (["usecond", "Kbyte", "cycle/nsecond", "Kinst", "%"],
         ["10.816", "4,206.592", "1.09868481879", "1735.68", "69.82"]),
    ],
)  # fmt: skip
def test_values_are_in_base_units_whatever_the_page_was_printed_in(
    tmp_path: Path, units: list[str], row: list[str]
) -> None:
    page = _page(tmp_path / "p.csv", units, row)
    table = read_ncu(page, "gelu-b4", "gelu-b4-key").table
    (found,) = table.to_pylist()
    assert found["duration_ns"] == pytest.approx(10816)
    assert found["dram_read_bytes"] == pytest.approx(4206592)
    assert found["sm_clock_hz"] == pytest.approx(1098684818.79)
    assert found["instructions"] == pytest.approx(1735680)
    assert (found["kernel"], found["launch"]) == ("gemm(int, float)", 0)
    assert (found["recording"], found["scenario_key"]) == ("gelu-b4", "gelu-b4-key")


def test_no_data_and_an_absent_metric_are_null(tmp_path: Path) -> None:
    page = _page(tmp_path / "p.csv", BASE, ["1", "no data", "", "n/a", "nan"])
    (found,) = read_ncu(page).table.to_pylist()
    columns = ("dram_read_bytes", "sm_clock_hz", "instructions", "l1_hit_pct", "tensor_active_pct")
    assert {found[column] for column in columns} == {None}


def test_cells_without_a_number_are_null_and_told_once(tmp_path: Path) -> None:
    marked = ["n/a", "(!) n/a", "(!) nan", "(!) 12.3", "inf", "-nan", "<not available>", "-4096"]
    rows = [["1", cell, "2", "3", "no data"] for cell in marked]
    counters = read_ncu(_page(tmp_path / "p.csv", BASE, *rows, ["1", "4096", "2", "3", "50"]))
    assert counters.table["dram_read_bytes"].to_pylist() == [None] * len(marked) + [4096]
    assert counters.table["instructions"].to_pylist() == [3] * 9
    (warning,) = counters.warnings
    assert warning == (
        f"p.csv: 16 {TraceWarning.CELLS_WITHOUT_NUMBER}: dram__bytes_read.sum 8 ('n/a', '(!) n/a',"
        " '(!) nan', ...), l1tex__t_sector_hit_rate.pct 8 ('no data')"
    )


@pytest.mark.parametrize("cell", ["1e400", "9" * 400, "1e-400"])
def test_a_number_beyond_the_range_of_floats_is_null_and_told(tmp_path: Path, cell: str) -> None:
    counters = read_ncu(_page(tmp_path / "p.csv", BASE, ["1", cell, "2", "3", "50"]))
    assert counters.table["dram_read_bytes"].to_pylist() == [None]
    (warning,) = counters.warnings
    assert f"1 {TraceWarning.CELLS_WITHOUT_NUMBER}: dram__bytes_read.sum 1 ('{cell[:9]}" in warning
    assert len(warning) < 250


@pytest.mark.parametrize("unit", ["", "(!) n/a", "cycle", "MiB"])
def test_values_in_an_unknown_unit_are_null_and_told_once(tmp_path: Path, unit: str) -> None:
    units = ["ns", unit, "hz", "inst", "%"]
    row = ["8736", "41", "2", "3", "50"]
    counters = read_ncu(_page(tmp_path / "p.csv", units, row, row))
    assert counters.table["dram_read_bytes"].to_pylist() == [None, None]
    assert counters.table["duration_ns"].to_pylist() == [8736, 8736]
    told = f"{TraceWarning.UNKNOWN_UNIT} {unit!r}, not 'byte'"
    assert counters.warnings == (f"p.csv: 2 value(s) of dram__bytes_read.sum {told}",)


def test_the_values_of_instances_stand_behind_the_value(tmp_path: Path) -> None:
    page = _page(tmp_path / "p.csv", BASE, ["1", "1234944 (617472; 617472)", "2", "3", "0.5 (0.4)"])
    counters = read_ncu(page)
    (found,) = counters.table.to_pylist()
    assert (found["dram_read_bytes"], found["l1_hit_pct"]) == (1234944, 0.5)
    assert counters.warnings == ()


@pytest.mark.parametrize(
    ("name", "kernels"), [("a10_llm_basic_105k_ncu2023.2", 105), ("h100_rmsnorm_full_ncu2025.1", 4)]
)
def test_a_real_page_is_the_same_in_base_and_in_scaled_units(
    sample_data: Path, name: str, kernels: int
) -> None:
    base, auto = (
        read_ncu(sample_data / "ncu" / f"{name}.raw.{kind}.csv").table for kind in ("base", "auto")
    )
    assert base.num_rows == auto.num_rows == kernels
    for column in base.column_names:
        left, right = base[column].to_pylist(), auto[column].to_pylist()
        if base.schema.field(column).type == "double":
            assert left == [None if v is None else pytest.approx(v, rel=1e-3, abs=0.006)
                            for v in right], column  # fmt: skip
        else:
            assert left == right


def test_a_real_details_page_is_refused(sample_data: Path) -> None:
    with pytest.raises(BadInput, match=Refusal.NCU_DETAILS):
        read_ncu(sample_data / "ncu" / "h100_rmsnorm_full_ncu2025.1.details.csv")


@pytest.mark.parametrize(
    ("name", "durations_ns"),
    [
        ("40-ncu-good/good.csv", [8736, 9120]),
        ("42-ncu-bang/bang_na.csv", [8736, 9120]),
        ("45-ncu-two-pages/concatenated.csv", [8736, 9120] * 2),
        ("45-ncu-two-pages/no_known_metric.csv", [None, None]),
        ("46-ncu-locale/de_full.csv", [8736]),
        ("46-ncu-locale/de_time_only.csv", [8736, 912]),
        ("46-ncu-locale/de_time_and_small_bytes.csv", [28448, 912]),
        ("46-ncu-locale/fr_nnbsp.csv", [8736]),
        ("47-ncu-instances/values.csv", [8736]),
        ("48-ncu-utf16/powershell.csv", [8736, 9120]),
        ("49-ncu-units/micro.csv", [8740]),
    ],
)
def test_pages_made_after_public_reports(
    sample_data: Path, name: str, durations_ns: list[float | None]
) -> None:
    table = read_ncu(sample_data / "reports" / name).table
    assert table["duration_ns"].to_pylist() == durations_ns
