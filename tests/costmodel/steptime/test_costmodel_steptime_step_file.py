"""A file that lacks a coefficient, or has one of an unknown name, is refused by both names."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from moeprof.costmodel.steptime.best_method import METHODS
from moeprof.costmodel.steptime.fit.build import build_step_time
from moeprof.costmodel.steptime.rows.gate import Refused
from moeprof.costmodel.steptime.step_file import read_step_file
from moeprof.store.document import write_document
from moeprof.store.errors import BadInput
from moeprof.store.serving.step_time_model import Method
from moeprof.tests.costmodel.steptime.whole_models import many_deployments, rows_of, timed_rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of each method."""
    folder, rows = tmp_path_factory.mktemp("files"), timed_rows(rows_of(*many_deployments()))
    for method in METHODS:
        file = build_step_time(rows, Refused(128, {}), {}, method=method)
        write_document(folder / f"{method}.json", file)
    return folder


@pytest.mark.parametrize("method", METHODS)
def test_a_file_of_each_method_is_read(folder: Path, method: Method) -> None:
    assert read_step_file(folder / f"{method}.json").steps["mean"].method == method


def _swap(terms: dict[str, Any], old: str, new: str) -> None:
    terms[new] = terms.pop(old)


@pytest.mark.parametrize(
    ("method", "change", "named"),
    [
        ("physics", lambda fit: fit["physics"]["coefficients"].pop("kv"), "coefficients lacks kv"),
        ("physics", lambda fit: fit["baseline"].pop("step"), "mean.baseline lacks step"),
        ("physics", lambda fit: fit["domain"].pop("kv"), "mean.domain lacks kv"),
        (
            "physics",
            lambda fit: fit["physics"]["by_engine"]["vllm"].update(haste=1.0),
            "by_engine.vllm has haste, which is unknown",
        ),
        (
            "physics",
            lambda fit: fit["physics"]["by_vendor"].update(AMD={"haste": 1.0}),
            "by_vendor.AMD has haste, which is unknown",
        ),
        ("srfa", lambda fit: _swap(fit["srfa"]["beta"], "log_batch", "x"), "lacks log_batch"),
        ("blackbox", lambda fit: fit["blackbox"].update(x=1.0), "blackbox has x, which is unknown"),
        ("blackbox", lambda fit: fit.update(method="srfa"), "method lacks srfa"),
        ("physics", lambda fit: fit["scores"].pop("physics"), "scores lacks physics"),
        (
            "physics",
            lambda fit: fit["physics"]["effects"]["model and engine"].update(a=2e9),
            r"model and engine.a is 2e\+09, no log ratio",
        ),
    ],
)
def test_a_coefficient_that_lacks_or_is_unknown_is_named(
    folder: Path,
    tmp_path: Path,
    method: Method,
    change: Callable[[dict[str, Any]], Any],
    named: str,
) -> None:
    body = json.loads((folder / f"{method}.json").read_text())
    change(body["steps"]["mean"])
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(body))
    with pytest.raises(BadInput, match=named) as refused:
        read_step_file(path)
    assert "changed.json" in str(refused.value)
    assert refused.value.hint
