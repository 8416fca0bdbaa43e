"""A table of vidur is read at one tensor parallelism, and a file that is none is refused."""

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
