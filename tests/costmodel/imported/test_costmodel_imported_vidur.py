"""A table of vidur is read at one tensor parallelism, and a file that is none is refused."""

import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from moeprof.costmodel.imported.tables import points_of
from moeprof.costmodel.imported.vidur import read_vidur
from moeprof.store.errors import BadInput


def write_mlp(folder: Path, **changes: Any) -> Path:
    path = folder / "a100" / "maker" / "model" / "mlp.csv"
    path.parent.mkdir(parents=True)
    rows = [
        {"n_head": 32, "n_kv_head": 8, "n_embd": 4096, "n_expanded_embd": 14336}
        | {"use_gated_mlp": True, "num_tokens": m, "num_tensor_parallel_workers": 2}
        | {"time_stats.mlp_up_proj.median": 0.08 + 0.0004 * m}
        | {"time_stats.mlp_act.median": 0.02 + 0.0001 * m}
        | changes
        for m in [1, 1, *range(8, 513, 8)]
    ]
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def test_a_vidur_table_is_read_at_one_tensor_parallelism(tmp_path: Path) -> None:
    table = read_vidur(write_mlp(tmp_path), 2, "7d47")
    points, origin = points_of(table)
    shapes = dict(zip(points["op"].to_pylist(), points["shape"].to_pylist(), strict=True))
    assert shapes == {"mlp_up_proj": [14336, 4096], "mlp_act": [3 * 7168]}
    assert (table.gpu, origin.licence, origin.project) == ("A100", "MIT", "microsoft/vidur")
    assert points.num_rows == 2 * 65  # the size that stands twice counts once
    with pytest.raises(BadInput, match="no row of tensor parallelism 4") as caught:
        read_vidur(tmp_path / "a100/maker/model/mlp.csv", 4, "7d47")
    assert caught.value.hint == "it holds 2"


def test_a_csv_that_is_not_vidurs_is_named(tmp_path: Path) -> None:
    (tmp_path / "mlp.csv").write_text("a,b\n1,2\n")
    with pytest.raises(BadInput, match="lacks the column 'n_head'"):
        read_vidur(tmp_path / "mlp.csv", 1, "x")
    with pytest.raises(BadInput, match="cannot read"):
        read_vidur(tmp_path / "nowhere.csv", 1, "x")


OP = "time_stats.mlp_up_proj.median"


def changed(path: Path, row: int, column: str, value: str) -> Path:
    """Change one cell; rows count from 1."""
    lines = [line.split(",") for line in path.read_text().splitlines()]
    lines[row][lines[0].index(column)] = value
    path.write_text("".join(f"{','.join(line)}\n" for line in lines))
    return path


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (OP, "OOM"),
        (OP, ""),
        (OP, "0.0"),
        (OP, "nan"),
        (OP, "-0.1"),
        (OP, "0_1"),
        (OP, "\N{ARABIC-INDIC DIGIT TWO}"),
        ("num_tensor_parallel_workers", "n/a"),
        ("num_tokens", "0"),
        ("num_tokens", "1.5"),
        ("num_tokens", "9" * 5000),
        ("n_head", "0"),
        ("use_gated_mlp", "maybe"),
        ("n_embd", "8192"),
        ("use_gated_mlp", "False"),
    ],
)
def test_a_wrong_cell_is_named_by_file_column_and_row(
    tmp_path: Path, column: str, value: str
) -> None:
    path = changed(write_mlp(tmp_path), 4, column, value)
    with pytest.raises(BadInput) as caught:
        read_vidur(path, 2, "x")
    assert caught.value.message.startswith(f"{path}: column '{column}' is ")
    assert " in row 4, and must be " in caught.value.message


@pytest.mark.parametrize(("column", "value"), [("n_embd", 4095), ("n_head", 33), ("n_kv_head", 0)])
def test_sizes_that_do_not_divide_are_refused(tmp_path: Path, column: str, value: int) -> None:
    path = write_mlp(tmp_path, **{column: value, "time_stats.attn_pre_proj.median": 0.1})
    with pytest.raises(BadInput, match=r"column 'n_\w+' is \d+ in row 1, and must be"):
        read_vidur(path, 2, "x")


def test_a_last_row_that_lacks_cells_is_refused(tmp_path: Path) -> None:
    path = write_mlp(tmp_path)
    path.write_text(path.read_text()[:-30])
    with pytest.raises(BadInput, match="cut short in row 66: it ends before column '"):
        read_vidur(path, 2, "x")


@pytest.mark.parametrize("cut_bytes", [1, 2])
def test_a_last_row_without_a_line_end_is_left_out_and_told(tmp_path: Path, cut_bytes: int) -> None:
    path = write_mlp(tmp_path)
    path.write_text(path.read_text()[:-cut_bytes])
    table = read_vidur(path, 2, "x")
    assert len(table.rows) == 2 * 65
    assert table.remarks[0] == f"{path}: row 66 left out, for the file ends inside it"


def test_repeats_that_disagree_are_told(tmp_path: Path) -> None:
    table = read_vidur(changed(write_mlp(tmp_path), 2, OP, "0.1"), 2, "x")
    _, origin = points_of(table)
    (repeats,) = (remark for remark in origin.remarks if "more than once" in remark)
    assert repeats.startswith("2 sizes were measured more than once")


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    path = write_mlp(tmp_path)
    path.write_text("".join(f"{line},0.5\n" for line in path.read_text().splitlines()))
    path.write_text(path.read_text().replace(",0.5", f",{OP}", 1))
    with pytest.raises(BadInput, match="has 2 columns of the name 'time_stats"):
        read_vidur(path, 2, "x")


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "mlp.csv")
    with pytest.raises(BadInput, match="is not a regular file"):
        read_vidur(tmp_path / "mlp.csv", 2, "x")


def test_a_row_of_too_many_cells_is_named(tmp_path: Path) -> None:
    path = write_mlp(tmp_path)
    path.write_text(path.read_text() + "1,2,3,4,5,6,7,8,9,10\n")
    with pytest.raises(BadInput, match="has 10 cells in row 67, and names 9 columns"):
        read_vidur(path, 2, "x")


def test_an_mlp_without_a_gate_has_one_matrix_up(tmp_path: Path) -> None:
    points, _ = points_of(read_vidur(write_mlp(tmp_path, use_gated_mlp=False), 2, "x"))
    assert points["shape"].to_pylist()[0] == [2 * 7168]


def test_what_the_table_does_not_time_is_told(tmp_path: Path) -> None:
    remarks = read_vidur(write_mlp(tmp_path), 2, "x").remarks
    assert [remark.split()[0] for remark in remarks] == [
        *("mlp_down_proj", "attn_pre_proj", "attn_post_proj", "add")
    ]


def test_a_path_that_names_no_gpu_is_refused() -> None:
    with pytest.raises(BadInput, match="does not lie in folders that name its GPU"):
        read_vidur(Path("/etc/passwd"), 2, "x")


def test_a_folder_is_no_gpu_because_a_table_lies_in_it(tmp_path: Path) -> None:
    write_mlp(tmp_path)
    tables = (tmp_path / "a100").rename(tmp_path / "my-tables")
    with pytest.raises(BadInput, match="GPU: 'MY-TABLES' is none with a data sheet"):
        read_vidur(tables / "maker/model/mlp.csv", 2, "x")


def test_a_folder_is_refused_with_the_table_in_it(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is a folder") as caught:
        read_vidur(tmp_path, 2, "x")
    assert "<model>/mlp.csv" in caught.value.hint


def test_a_parquet_file_is_told_as_such(tmp_path: Path) -> None:
    path = write_mlp(tmp_path)
    pd.read_csv(path).to_parquet(path)
    with pytest.raises(BadInput, match="is Parquet, and no text"):
        read_vidur(path, 2, "x")


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe\x00", b"n_head\n", b'"\n' * 3])
def test_a_file_without_a_table_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mlp.csv"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"mlp\.csv"):
        read_vidur(path, 1, "x")
