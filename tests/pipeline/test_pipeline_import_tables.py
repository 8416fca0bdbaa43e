"""Published tables to a model in a folder of its own."""

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from moeprof.pipeline.cost import load
from moeprof.pipeline.import_tables import ImportOptions, import_tables
from moeprof.store.errors import BadInput

SIZES = range(1, 257, 8)
SOFTWARE = {"framework": "VLLM", "version": "1.0", "device": "NVIDIA H200"}
GEMM = SOFTWARE | {"n": 8192, "k": 8192, "gemm_dtype": "bfloat16"}
MOE = SOFTWARE | {
    "moe_dtype": "bfloat16",
    "hidden_size": 2048,
    "inter_size": 768,
    "topk": 8,
    "num_experts": 128,
    "moe_tp_size": 1,
    "moe_ep_size": 1,
    "distribution": "balanced",
}


def write(folder: Path, row: dict[str, Any], tokens: str, family: str) -> Path:
    """Write one table as it lies in a checkout."""
    path = folder / "h200_sxm" / family / "vllm" / "1.0" / f"{family}_perf.parquet"
    path.parent.mkdir(parents=True)
    rows = [row | {tokens: m, "latency": 0.3 + 0.001 * m} for m in SIZES]
    pd.DataFrame(rows).to_parquet(path)
    return path


def test_a_table_of_aiconfigurator_becomes_a_model(tmp_path: Path) -> None:
    write(tmp_path, GEMM, "m", "gemm")
    options = ImportOptions(source="aiconfigurator", path=str(tmp_path), ops="gemm", commit="abc")
    made = import_tables(options, store=tmp_path / "store")
    assert made.path.parent.parent == tmp_path / "store"
    assert (made.points, made.curves, made.origin.commit) == (len(SIZES), 1, "abc")
    assert load(made.path).get_cost("gemm", 100).latency_us == pytest.approx(400, rel=0.01)


def test_vidur_needs_a_path(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="vidur needs a PATH") as caught:
        import_tables(ImportOptions(source="vidur"), store=tmp_path)
    assert caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_the_folder_names_the_families_where_it_does_not_hold_all(tmp_path: Path) -> None:
    write(tmp_path, GEMM, "m", "gemm")
    write(tmp_path, MOE, "num_tokens", "moe")
    names = [
        import_tables(
            ImportOptions(source="aiconfigurator", path=tmp_path, ops=ops), store=tmp_path / "store"
        ).path.parent.name
        for ops in ("gemm", "moe", "gemm,moe", "gemm,gemm")
    ]
    both = "import-aiconfigurator-nvidia-h200-vllm-1.0-bfloat16"
    assert names == [f"{both}-gemm", f"{both}-moe", both, f"{both}-gemm"]


@pytest.mark.parametrize("column", ["version", "framework", "device"])
@pytest.mark.parametrize("said", ["../../x", "..", "/etc/x", "a\\..\\b", "~", "%", "x" * 200])
def test_what_a_table_says_of_itself_leads_nowhere(column: str, said: str, tmp_path: Path) -> None:
    write(tmp_path / "tables", GEMM | {column: said}, "m", "gemm")
    options = ImportOptions(source="aiconfigurator", path=tmp_path / "tables", ops="gemm")
    made = import_tables(options, store=tmp_path / "store")
    assert made.path.parent.parent == tmp_path / "store"
    assert re.fullmatch(r"import(-[a-z0-9_]+(\.[a-z0-9_]+)*)+", made.path.parent.name)
    assert {one.name for one in tmp_path.iterdir()} == {"tables", "store"}


def test_a_table_that_gives_no_curve_is_refused_and_nothing_written(tmp_path: Path) -> None:
    path = write(tmp_path, GEMM, "m", "gemm")
    pd.read_parquet(path)[:1].to_parquet(path)
    with pytest.raises(BadInput, match="gives no curve: 1 of 1 curves dropped"):
        import_tables(ImportOptions(source="aiconfigurator", path=path), store=tmp_path / "store")
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("commit", 5),
        ("path", 5),
        ("ops", None),
        ("source", "x"),
        ("source", []),
        ("tensor_parallel", "1"),
        ("tensor_parallel", True),
        ("tensor_parallel", 0),
        ("commit", "a\nb"),
        ("gpu", "h200\udcff"),
        ("path", ""),
        ("version", "1" * 201),
    ],
)
def test_an_option_of_another_type_or_rule_is_named(option: str, value: Any) -> None:
    options: Any = {"source": "vidur"} | {option: value}
    with pytest.raises(BadInput, match=f"^{option} is "):
        ImportOptions(**options)


def test_a_store_that_is_no_path_is_refused_before_a_table_is_read() -> None:
    nowhere: Any = None
    with pytest.raises(BadInput, match=r"^store is None"):
        import_tables(ImportOptions(source="vidur"), store=nowhere)
