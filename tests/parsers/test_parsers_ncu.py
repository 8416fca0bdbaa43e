"""Raw pages of Nsight Compute."""

from pathlib import Path

import pytest

from moeprof.parsers.messages import Refusal
from moeprof.parsers.ncu import EXPORT_HINT, read_ncu
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
    table = read_ncu(_page(tmp_path / "p.csv", units, row), "gelu-b4", "gelu-b4-key")
    (found,) = table.to_pylist()
    assert found["duration_ns"] == pytest.approx(10816)
    assert found["dram_read_bytes"] == pytest.approx(4206592)
    assert found["sm_clock_hz"] == pytest.approx(1098684818.79)
    assert found["instructions"] == pytest.approx(1735680)
    assert (found["kernel"], found["launch"]) == ("gemm(int, float)", 0)
    assert (found["recording"], found["scenario_key"]) == ("gelu-b4", "gelu-b4-key")


def test_no_data_and_an_absent_metric_are_null(tmp_path: Path) -> None:
    page = _page(tmp_path / "p.csv", BASE, ["1", "no data", "", "n/a", "nan"])
    (found,) = read_ncu(page).to_pylist()
    columns = ("dram_read_bytes", "sm_clock_hz", "instructions", "l1_hit_pct", "tensor_active_pct")
    assert {found[column] for column in columns} == {None}


def test_messages_of_ncu_are_skipped(tmp_path: Path) -> None:
    page = _page(
        tmp_path / "p.csv", BASE, ["1"] * 5, before="==PROF== Connected to process 1\nepoch 1\n"
    )
    with page.open("a") as file:
        file.write("==PROF== Disconnected from process 1\n")
    assert read_ncu(page).num_rows == 1


@pytest.mark.parametrize(
    ("units", "row", "values"),
    [
        (BASE, ["1", "12,5", "1,234.5", "1", "1"], ["gpc__cycles_elapsed", "'1,234.5'"]),
        (BASE, ["1", "twelve", "1", "1", "1"], ["dram__bytes_read.sum", "'twelve'"]),
        (["cycle", *BASE[1:]], ["1"] * 5, ["gpu__time_duration.sum", "'cycle'", "'ns'"]),
        (BASE, ["1"] * 3, [Refusal.CUT_SHORT, "row 3", "8 of 10"]),
    ],
)
def test_what_cannot_be_read_is_named_with_the_way_out(
    tmp_path: Path, units: list[str], row: list[str], values: list[str]
) -> None:
    with pytest.raises(BadInput) as raised:
        read_ncu(_page(tmp_path / "p.csv", units, row))
    assert all(value in raised.value.message for value in ["p.csv", *values])
    assert EXPORT_HINT in raised.value.hint


@pytest.mark.parametrize("european", ["1.234,5", "1234,5"])
def test_one_decimal_comma_decides_for_the_whole_page(tmp_path: Path, european: str) -> None:
    values = read_ncu(_page(tmp_path / "p.csv", BASE, ["1.000", european, "1", "1", "1"]))
    english = read_ncu(_page(tmp_path / "q.csv", BASE, ["1,000", "1,234.5", "1", "1", "1"]))
    assert values.equals(english)


def test_a_details_page_is_refused_with_the_way_out(tmp_path: Path) -> None:
    page = tmp_path / "p.csv"
    page.write_text('"ID","Process ID","Kernel Name","Section Name","Metric Name"\n')
    with pytest.raises(BadInput, match=Refusal.NCU_DETAILS) as raised:
        read_ncu(page)
    assert raised.value.hint == EXPORT_HINT


@pytest.mark.parametrize("text", ["", "==ERROR== no permission\n"])
def test_a_file_without_a_page_is_refused(tmp_path: Path, text: str) -> None:
    page = tmp_path / "p.csv"
    page.write_text(text)
    with pytest.raises(BadInput, match=Refusal.NOT_NCU_CSV):
        read_ncu(page)


@pytest.mark.parametrize(
    ("name", "kernels"), [("a10_llm_basic_105k_ncu2023.2", 105), ("h100_rmsnorm_full_ncu2025.1", 4)]
)
def test_a_real_page_is_the_same_in_base_and_in_scaled_units(
    sample_data: Path, name: str, kernels: int
) -> None:
    base, auto = (
        read_ncu(sample_data / "ncu" / f"{name}.raw.{kind}.csv") for kind in ("base", "auto")
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
