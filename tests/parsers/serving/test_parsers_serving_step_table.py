"""A table of steps has the attributes of the trace as columns, and states models by run."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from moeprof.parsers.serving.step_table import is_step_table, read_step_table
from moeprof.store.errors import BadInput

TABLE = pa.table({
    "experiment_id": ["b", "a", "a"],
    "model": ["llama-2-70b", "llama-3-8b", "llama-3-8b"],
    "tp": [4, 1, 1],
    "step_id": [1, 8, 7],
    "step_duration_us": [300, 400, 500],
    "batch_decode_tokens": [3, 4, 5],
    "kv_usage_gpu_ratio": [0.5, None, 0.25],
})  # fmt: skip


def test_columns_are_attributes(tmp_path: Path) -> None:
    pq.write_table(TABLE, path := tmp_path / "steps.parquet")
    found = read_step_table(path)
    assert found.steps.runs == ("b", "a")
    assert found.steps.run.tolist() == [0, 1, 1]
    assert found.steps.columns["duration_us"].tolist() == [300, 500, 400]
    assert found.steps.columns["decode_tokens"].tolist() == [3, 5, 4]
    assert found.steps.columns["kv_ratio"] == pytest.approx([0.5, 0.25, np.nan], nan_ok=True)
    assert np.isnan(found.steps.columns["start_ns"]).all()
    assert found.models == {"a": "llama-3-8b", "b": "llama-2-70b"}
    assert found.tp == {"a": 1, "b": 4}


def test_a_table_of_one_run_need_not_name_it(tmp_path: Path) -> None:
    pq.write_table(TABLE.select(["step_id", "step_duration_us"]), path := tmp_path / "s.parquet")
    found = read_step_table(path)
    assert (found.steps.runs, found.models, found.tp) == (("run",), {}, {})


def test_a_column_of_texts_is_refused(tmp_path: Path) -> None:
    odd = TABLE.set_column(4, "step_duration_us", pa.array(["x", "y", "z"]))
    pq.write_table(odd, path := tmp_path / "steps.parquet")
    with pytest.raises(BadInput, match="is no table of steps"):
        read_step_table(path)


def test_other_tables_are_none(tmp_path: Path) -> None:
    pq.write_table(TABLE.select(["model"]), path := tmp_path / "other.parquet")
    assert not is_step_table(path)
    (text := tmp_path / "text").write_text("PAR1")
    assert not is_step_table(text)
