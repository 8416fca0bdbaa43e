"""Tables of aiconfigurator: where they lie, which rows count, and cells that are refused."""

import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.costmodel.imported.aiconfigurator import Selection, read_aiconfigurator
from moeprof.costmodel.imported.source_rows import ImportedTable
from moeprof.costmodel.imported.tables import points_of
from moeprof.store.errors import BadInput

SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]
SOFTWARE: dict[str, Any] = {"framework": "VLLM", "version": "1.0", "device": "NVIDIA H200"}
GEMM: dict[str, Any] = SOFTWARE | {"gemm_dtype": "bfloat16", "n": 8192, "k": 8192, "power": 500.0}
MOE: dict[str, Any] = SOFTWARE | {
    "moe_dtype": "bfloat16",
    "hidden_size": 2048,
    "inter_size": 768,
    "topk": 8,
    "num_experts": 128,
    "moe_tp_size": 1,
    "moe_ep_size": 1,
    "distribution": "power_law_1.2",
}


def gemm_rows(**changes: Any) -> list[dict[str, Any]]:
    return [GEMM | {"m": m, "latency": 0.05 + 0.0002 * m} | changes for m in SIZES]


def moe_rows(**changes: Any) -> list[dict[str, Any]]:
    return [MOE | {"num_tokens": m, "latency": 0.3 + 0.001 * m} | changes for m in SIZES]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_parquet(path)
    return path


def read(root: Path, **select: Any) -> ImportedTable:
    return read_aiconfigurator(root, Selection(**select), "abc123")


def test_a_lone_table_is_read_by_a_short_relative_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "gemm_perf.parquet", gemm_rows())
    monkeypatch.chdir(tmp_path)
    assert len(read(Path("gemm_perf.parquet")).rows) == len(SIZES)
    assert len(read(Path()).rows) == len(SIZES)


@pytest.mark.parametrize("rows", [gemm_rows(), moe_rows()])
def test_a_table_of_another_name_is_known_by_its_columns(
    tmp_path: Path, rows: list[dict[str, Any]]
) -> None:
    assert len(read(write(tmp_path / "mine.parquet", rows)).rows) == len(SIZES)


@pytest.mark.parametrize("layout", ["h200/gemm/vllm/1.0", "h200/vllm/1.0"])
def test_folders_choose_in_both_layouts(tmp_path: Path, layout: str) -> None:
    write(tmp_path / layout / "gemm_perf.parquet", gemm_rows())
    other = layout.replace("h200", "h100")
    write(tmp_path / other / "gemm_perf.parquet", gemm_rows(device="NVIDIA H100"))
    assert read(tmp_path, gpu="h200").gpu == "NVIDIA H200"
    assert read(tmp_path, gpu="h100", framework="vllm", version="1.0").gpu == "NVIDIA H100"
    with pytest.raises(BadInput, match="holds no table that fits"):
        read(tmp_path, gpu="h200", version="2.0")


def test_a_lone_table_of_another_family_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "gemm_perf.parquet", gemm_rows())
    with pytest.raises(BadInput, match="is of gemm, and --ops is moe"):
        read(path, families=("moe",))


def test_a_file_of_two_versions_is_read_by_the_one_that_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "gemm_perf.parquet", [*gemm_rows(), *gemm_rows(version="1.1")])
    table = read(path, version="1.1")
    assert (table.versions, len(table.rows)) == ({"vllm": "1.1"}, len(gemm_rows()))


@pytest.mark.parametrize(
    ("option", "asked", "other"),
    [
        ("gpu", "h200_sxm", "h100_sxm"),
        ("framework", "vllm", "sglang"),
        ("version", "1.0", "1"),
    ],
)
def test_a_lone_table_of_something_else_than_asked_is_refused(
    tmp_path: Path, option: str, asked: str, other: str
) -> None:
    path = write(tmp_path / "gemm_perf.parquet", gemm_rows())
    assert len(read(path, **{option: asked}).rows) == len(SIZES)
    with pytest.raises(BadInput, match=f"and --{option} is '{other}'"):
        read(path, **{option: other})


@pytest.mark.parametrize("column", ["device", "framework", "version"])
def test_what_differs_in_gpu_or_software_is_not_merged(tmp_path: Path, column: str) -> None:
    rows = gemm_rows()
    rows[5][column] = rows[5][column] + " "
    path = write(tmp_path / "gemm_perf.parquet", rows)
    with pytest.raises(BadInput, match=f"column '{column}' is '.* ' in row 6, and '.*' in row 1"):
        read(path)


def test_a_moe_over_several_gpus_is_left_out_and_counted(tmp_path: Path) -> None:
    rows = [*moe_rows(), *moe_rows(moe_tp_size=2), *moe_rows(moe_ep_size=4)]
    table = read(write(tmp_path / "moe_perf.parquet", rows))
    assert len(table.rows) == len(SIZES)
    assert [remark[:16] for remark in table.remarks] == ["22 rows left out"]
    path = write(tmp_path / "several" / "moe_perf.parquet", moe_rows(moe_tp_size=2))
    with pytest.raises(BadInput, match="holds no row of bfloat16 on one GPU"):
        read(path)


def test_experts_without_a_gate_have_two_matrices_and_an_operation_of_their_own(
    tmp_path: Path,
) -> None:
    plain = moe_rows(kernel_source="moe_torch_flow_nongated")
    path = write(tmp_path / "moe_perf.parquet", [*plain, *moe_rows(kernel_source="moe_flow")])
    first, gated = read(path).rows[0].scenario, read(path).rows[-1].scenario
    assert (first.op, gated.op) == ("moe_power_law_1_2_nongated", "moe_power_law_1_2")
    assert first.flops == 2 * 2 * 1 * 8 * 2048 * 768
    assert first.bytes_moved == 2 * (2 * 8 * 2048 * 768 + 2048) + 2 * 2048
    assert 2 * gated.flops == 3 * 1024 * first.flops


def test_what_only_a_gate_makes_impossible_is_said_as_such(tmp_path: Path) -> None:
    sizes = {"hidden_size": 8192, "inter_size": 5120, "num_experts": 512}
    rows = [
        row | sizes | {"topk": top_k, "latency": 1.5 + 0.008 * row["num_tokens"]}
        for top_k in (22, 23)
        for row in moe_rows()
    ]
    rows[0]["latency"] = 0.9  # an H200 reads 2 matrices in 770 us, and 3 in 1150 us
    _, unknown = points_of(read(write(tmp_path / "unknown.parquet", rows)))
    (remark,) = unknown.remarks
    assert remark.startswith("1 rows left out")
    assert remark.endswith(", if its experts are gated")
    two = [row | {"kernel_source": "moe_torch_flow_nongated"} for row in rows]
    assert points_of(read(write(tmp_path / "two.parquet", two)))[1].remarks == ()


def test_a_dtype_that_the_table_lacks_names_those_it_has(tmp_path: Path) -> None:
    path = write(tmp_path / "gemm_perf.parquet", gemm_rows())
    with pytest.raises(BadInput, match="holds no row of fp8") as caught:
        read(path, dtype="fp8")
    assert (
        caught.value.hint == "it holds bfloat16; --dtype may be bfloat16, float16, fp8, fp8_block"
    )


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *(("m", value) for value in (None, 0, -1, 1.5, 10**9)),
        *(("latency", value) for value in (None, 0.0, -1.0, float("nan"), float("inf"))),
        *(("gemm_dtype", value) for value in (None, "")),
        *(("device", value) for value in (None, " ")),
        ("power", float("inf")),
        ("power", 380_100.0),
    ],
)
def test_a_wrong_cell_is_named_by_file_column_and_row(
    tmp_path: Path, column: str, value: object
) -> None:
    rows = gemm_rows()
    rows[3][column] = value
    path = write(tmp_path / "gemm_perf.parquet", rows)
    with pytest.raises(BadInput) as caught:
        read(path)
    assert caught.value.message.startswith(f"{path}: column '{column}' is ")
    assert " in row 4, and must be " in caught.value.message


@pytest.mark.parametrize(
    ("column", "value"),
    [("topk", None), ("topk", 129), ("num_experts", 0), ("distribution", None), ("moe_tp_size", 0)],
)
def test_a_wrong_cell_of_a_moe_is_named(tmp_path: Path, column: str, value: object) -> None:
    rows = moe_rows()
    rows[0][column] = value
    with pytest.raises(BadInput, match=f"column '{column}' is .* in row 1, and must be"):
        read(write(tmp_path / "moe_perf.parquet", rows))


@pytest.mark.parametrize("column", ["m", "power", "latency", "n"])
def test_a_column_of_text_is_refused(tmp_path: Path, column: str) -> None:
    rows = [row | {column: str(row[column])} for row in gemm_rows()]
    with pytest.raises(BadInput, match=f"column '{column}' is '.*' in row 1"):
        read(write(tmp_path / "gemm_perf.parquet", rows))


def test_work_that_no_column_holds_is_refused(tmp_path: Path) -> None:
    rows = gemm_rows(m=2**24, n=2**24, k=2**24)
    with pytest.raises(BadInput, match="column 'm' is 16777216 in row 1"):
        read(write(tmp_path / "gemm_perf.parquet", rows))


@pytest.mark.parametrize(
    ("table", "column"), [("gemm", "k"), ("gemm", "device"), ("moe", "distribution")]
)
def test_a_missing_column_is_named(tmp_path: Path, table: str, column: str) -> None:
    rows = gemm_rows() if table == "gemm" else moe_rows()
    path = tmp_path / f"{table}_perf.parquet"
    write(path, [{name: row[name] for name in row if name != column} for row in rows])
    with pytest.raises(BadInput, match=f"{path.name} lacks the column '{column}'"):
        read(path)


def test_a_file_that_is_no_such_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="does not exist"):
        read(tmp_path / ("x" * 300))
    with pytest.raises(BadInput, match="holds no table that fits"):
        read(tmp_path)
    with pytest.raises(BadInput, match="'int3' is no dtype here"):
        read(tmp_path, dtype="int3")
    with pytest.raises(BadInput, match="'mla' is no family here"):
        read(tmp_path, families=("mla",))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadInput, match="pipe is not a regular file"):
        read(tmp_path / "pipe")
    with pytest.raises(BadInput, match="is the whole file system"):
        read(Path("/"))
    with pytest.raises(BadInput, match="lacks the column 'gemm_dtype' of a gemm"):
        read(write(tmp_path / "other.parquet", [{"m": 1}]))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"not a table", "is not a Parquet table"),
        (b"", "is not a Parquet table"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "is a Git LFS poi"),
    ],
)
def test_a_file_that_is_no_parquet_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "gemm_perf.parquet"
    path.write_bytes(content)
    for root in (path, tmp_path):
        with pytest.raises(BadInput, match=f"gemm_perf.parquet {said}"):
            read(root)


def test_a_table_as_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "gemm_perf.txt").write_text("framework,version\n")
    with pytest.raises(BadInput, match=r"gemm_perf\.txt is an older table, as CSV text") as caught:
        read(tmp_path)
    assert "to_parquet" in caught.value.hint


CELLS = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2**40)
    | st.floats()
    | st.text(max_size=4)
    | st.sampled_from(["128", "n/a", 0, -1, 1e300, 5e-324])
)


@settings(max_examples=150)
@given(
    column=st.sampled_from([*MOE, "num_tokens", "latency", "power"]),
    row=st.integers(0, len(SIZES) - 1),
    value=CELLS,
    throughout=st.booleans(),
)
def test_whatever_a_cell_holds_the_table_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, column: str, row: int, value: Any, throughout: bool
) -> None:
    rows = moe_rows(power=300.0)
    for one in rows if throughout else [rows[row]]:
        one[column] = value
    path = tmp_path_factory.getbasetemp() / "moe_perf.parquet"
    try:
        write(path, rows)
    except Exception:  # no Parquet file holds this column
        return
    try:
        points, _ = points_of(read(path))
    except BadInput:
        return
    assert 1 <= points.num_rows <= len(SIZES)
    assert all(power is None or power > 0 for power in points["power_w"].to_pylist())
