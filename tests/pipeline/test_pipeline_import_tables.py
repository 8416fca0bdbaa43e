"""Published tables to a model in a folder of its own."""

from pathlib import Path

import pandas as pd
import pytest

from moeprof.pipeline.cost import load
from moeprof.pipeline.import_tables import ImportOptions, import_tables
from moeprof.store.errors import BadInput


def test_a_table_of_aiconfigurator_becomes_a_model(tmp_path: Path) -> None:
    folder = tmp_path / "h200_sxm" / "gemm" / "vllm" / "1.0"
    folder.mkdir(parents=True)
    row = {"framework": "VLLM", "version": "1.0", "device": "NVIDIA H200", "n": 8192, "k": 8192}
    sizes = range(1, 257, 8)
    rows = [row | {"gemm_dtype": "bfloat16", "m": m, "latency": 0.05 + 0.0002 * m} for m in sizes]
    pd.DataFrame(rows).to_parquet(folder / "gemm_perf.parquet")
    options = ImportOptions(source="aiconfigurator", path=str(tmp_path), ops="gemm", commit="abc")
    made = import_tables(options, store=tmp_path / "store")
    assert made.path.parent.parent == tmp_path / "store"
    assert (made.points, made.curves, made.origin.commit) == (len(sizes), 1, "abc")
    assert load(made.path).get_cost("gemm", 100).latency_us == pytest.approx(70, rel=0.01)


def test_vidur_needs_a_path(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="vidur needs a PATH") as caught:
        import_tables(ImportOptions(source="vidur"), store=tmp_path)
    assert caught.value.hint
    assert list(tmp_path.iterdir()) == []
