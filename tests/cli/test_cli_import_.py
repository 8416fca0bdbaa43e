"""`moeprof import` and `moeprof show`: a public table to a model, and a look at it."""

from pathlib import Path

import pandas as pd
import pytest

from moeprof.costmodel.imported.tables import NO_POWER
from moeprof.tests.cli.command_line import Moeprof


@pytest.fixture
def gemms(tmp_path: Path) -> Path:
    folder = tmp_path / "h200_sxm" / "gemm" / "vllm" / "1.0"
    folder.mkdir(parents=True)
    row = {"framework": "VLLM", "version": "1.0", "device": "NVIDIA H200", "n": 8192, "k": 8192}
    rows = [
        row | {"gemm_dtype": "bfloat16", "m": m, "latency": 0.05 + 0.0002 * m}
        for m in range(1, 257, 8)
    ]
    pd.DataFrame(rows).to_parquet(folder / "gemm_perf.parquet")
    return tmp_path


def test_an_imported_table_is_a_model_like_any_other(moeprof: Moeprof, gemms: Path) -> None:
    store = gemms / "store"
    result = moeprof("import", "aiconfigurator", gemms, "--commit", "abc", "--store", store)
    assert result.exit_code == 0, result.stderr
    assert "Apache-2.0, commit abc" in result.stderr
    cost = moeprof("cost", "gemm", "--batch-size", "100", "--store", store, "--json").data
    assert cost["latency_us"] == pytest.approx(70, rel=0.01)
    assert cost["energy_reason"] == NO_POWER
    verdict = moeprof("validate", "--store", store, "--json").data
    assert verdict["outcome"] in ("PASS", "AMBIGUOUS")


def test_a_model_is_shown_with_its_origin(moeprof: Moeprof, gemms: Path) -> None:
    store = gemms / "store"
    moeprof("import", "aiconfigurator", gemms, "--store", store)
    shown = moeprof("show", "--store", store)
    assert shown.exit_code == 0
    assert "gemm" in shown.stdout
    assert "█" in shown.stdout
    assert all(len(line) <= 80 for line in shown.stdout.splitlines())
    assert "imported from ai-dynamo/aiconfigurator, Apache-2.0" in shown.stderr
    assert moeprof("show", "--store", store, "--json").data["source"] == "imported"


def test_a_breakdown_says_what_bounds_the_call(moeprof: Moeprof, gemms: Path) -> None:
    store = gemms / "store"
    moeprof("import", "aiconfigurator", gemms, "--store", store)
    words = ("cost", "gemm", "--batch-size", "1", "--breakdown", "--store", store)
    assert moeprof(*words, "--json").data["bound"] == "memory"
    result = moeprof(*words)
    assert "bound by memory" in result.stdout
    assert f"static energy: {NO_POWER}" in result.stderr


def test_what_was_left_out_is_told_at_once(moeprof: Moeprof, gemms: Path) -> None:
    (path,) = gemms.rglob("*.parquet")
    table = pd.read_parquet(path)
    pd.concat([table, table[:3], table[:1].assign(n=4096)]).to_parquet(path)
    result = moeprof("import", "aiconfigurator", path, "--store", gemms / "store")
    assert result.exit_code == 0
    assert "warning: 3 sizes were measured more than once" in result.stderr
    assert "warning: 1 of 2 curves dropped" in result.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["vidur"], "vidur needs a PATH"),
        (["vidur", "nowhere.csv"], "cannot read nowhere.csv"),
        (["aiconfigurator", "nowhere"], "nowhere does not exist"),
        (["aiconfigurator", ""], "path is ''"),
        (["vidur", "mlp.csv", "--gpu", "a100"], "--gpu is 'a100', and vidur has no such option"),
        (["vidur", "mlp.csv", "--dtype", "fp8"], "--dtype is 'fp8', and vidur has no"),
        (["aiconfigurator", "--tensor-parallel", "2"], "--tensor-parallel is 2, and aiconf"),
        (["aiconfigurator", "--commit", "a\udcff"], r"commit is 'a\udcff', and must be one line"),
        (["aiconfigurator", "--commit", "a\nb"], r"commit is 'a\nb', and must be one line"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(
    moeprof: Moeprof, tmp_path: Path, words: list[str], says: str
) -> None:
    result = moeprof("import", *words, "--store", tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.errors[0]


def test_a_file_is_named_once_however_its_path_is_written(moeprof: Moeprof, gemms: Path) -> None:
    (path,) = gemms.rglob("*.parquet")
    pd.read_parquet(path).assign(k=0).to_parquet(path)
    result = moeprof("import", "aiconfigurator", f"{gemms}/./{path.relative_to(gemms)}")
    assert result.exit_code == 2
    assert result.errors[0].startswith(f"{path}: column 'k' is 0 in row 1, and must be")
