"""A file that lacks a coefficient, or holds what no fit writes, is refused by its place."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from moeprof.costmodel.steptime.best_method import METHODS
from moeprof.costmodel.steptime.fit.build import build_step_time
from moeprof.costmodel.steptime.power import TERMS as POWER_TERMS
from moeprof.costmodel.steptime.rows.gate import Refused
from moeprof.costmodel.steptime.step_file import read_step_file
from moeprof.store.document import write_document
from moeprof.store.errors import BadInput
from moeprof.store.serving.step_time_model import Method
from moeprof.tests.costmodel.steptime.whole_models import many_deployments, rows_of, timed_rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of each method."""
    folder = tmp_path_factory.mktemp("files")
    rows = timed_rows(rows_of(*many_deployments()[:6], sizes=5))
    for method in METHODS:
        file = build_step_time(rows, Refused(len(rows), {}), {}, method=method)
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
            r"model and engine.a is 2e\+09, beyond 5",
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


def _score() -> dict[str, Any]:
    return {"median": 0.1, "p90": 0.3, "bias": 0.0, "factors": {"50": 1.1, "90": 1.4}}


def _with_power(body: dict[str, Any]) -> dict[str, Any]:
    """The file with a fit of power, in its smallest form."""
    shares = dict.fromkeys(POWER_TERMS, 0.2)
    body["power"] = {
        "shares": shares, "by_gpu": {"H100": dict(shares)}, "typical_share": 0.6,
        "typical_by_gpu": {"H100": 0.6}, "at_measured_step": _score(), "j_per_token": _score(),
        "rows": 40,
    }  # fmt: skip
    return body


def _mean(change: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    return lambda body: change(body["steps"]["mean"])


def _without_steps(fit: dict[str, Any]) -> None:
    for name in ("dense_weights", "layers", "steps", "requests", "logits"):
        fit["physics"]["coefficients"][name] = 0.0
    fit["physics"]["by_engine"] = {}


def _own(
    form: dict[str, Any], model: str = "llama-3-8b", quantiles: dict[str, float] | None = None
) -> Callable[[dict[str, Any]], Any]:
    """One configuration with a form of its own, changed."""
    whole = {
        "form": "line", "coefficients": [0.1, 0.0, 0.0, 0.0], "domain": [[1.0, 64.0]] * 3,
        "errors": {}, "log_error": 0.1, "rows": 9,
    }  # fmt: skip
    errors = {"median": 0.1, "p90": 0.2}
    own = {
        "by_configuration": {f"{model} | H100": whole | form},
        "log_quantiles": {"50": 0.9, "90": 2.0} if quantiles is None else quantiles,
        "errors": {"pooled": errors, "own": errors},
    }  # fmt: skip
    return _mean(lambda fit: fit.update(own=own))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (_mean(lambda fit: fit["factors"].update({"90": 0.9})), "factors.90 is 0.9, below 1"),
        (_mean(lambda fit: fit["factors"].update({"90": 1.001})), "factors must not fall"),
        (_mean(lambda fit: fit["factors"].update(most=2.0)), "must be named by percents"),
        (_mean(lambda fit: fit["unseen_factors"].update(GPU={"90": 0.5})), "GPU.90 is 0.5"),
        (
            _mean(lambda fit: fit["physics"]["coefficients"].update(kv=1e300)),
            r"physics.coefficients.kv is 1e\+300",
        ),
        (_mean(_without_steps), "makes steps of 0 us"),
        (_mean(lambda fit: fit["domain"].update(kv=[2.0, 1.0])), "domain.kv is 2 to 1"),
        (_mean(lambda fit: fit["spread"]["covariance"].pop()), "4 rows of 4 numbers"),
        (_mean(lambda fit: fit["spread"].update(covariance=[])), "4 rows of 4 numbers"),
        (_mean(lambda fit: fit["spread"]["covariance"][0].__setitem__(1, 9.0)), "not symmetric"),
        (
            _mean(lambda fit: fit["spread"]["covariance"][0].__setitem__(0, -1.0)),
            "has a negative variance",
        ),
        (_mean(lambda fit: fit["gpus"].append(fit["gpus"][0])), "gpus has .* twice"),
        (lambda body: body["models"].append(body["models"][0]), "models has llama-3-8b twice"),
        (lambda body: body.update(fingerprints="0123"), "groups of 8 hexadecimal"),
        (_own({"coefficients": [0.1]}), "coefficients must have 4 for line"),
        (_own({"form": "blackbox"}), "must have 3 for blackbox"),
        (_own({"coefficients": [9.0, 0.0, 0.0, 0.0]}), "coefficients.0 is 9, beyond 5"),
        (_own({"coefficients": [-5.0] * 4}), r"line.least is -\d+\.\d+, beyond 5"),
        (_own({"form": "blackbox", "coefficients": [0.0] * 3}), "must be 0 us or more, and one"),
        (_own({"form": "blackbox", "coefficients": [-9e3, 1.0, 1.0]}), "must be 0 us or more, and"),
        (_own({"domain": [[0.0, 0.0]] * 3}), "domain must begin at 1 request"),
        (_own({"rows": 0}), "rows is 0"),
        (_own({}, model="another"), "another | H100 is of a model that has no rows"),
        (_own({"log_error": 6.0}), "log_error is 6, beyond 5"),
        (_own({}, quantiles={"90": 1e6}), r"has an interval beyond 1e\+06 times"),
        (_own({}, quantiles={}), "own.log_quantiles is empty"),
        (_own({"domain": [[1.0, 64.0], [2.0, 1.0], [0.0, 1.0]]}), "domain must not fall"),
        (lambda body: body["power"]["shares"].update(static=99.0), "power.shares.static is 99"),
        (lambda body: body["power"]["by_gpu"]["H100"].pop("static"), "by_gpu.H100 lacks static"),
        (lambda body: body["power"].update(typical_share=11.0), "power.typical_share is 11"),
        (
            lambda body: body["power"]["j_per_token"]["factors"].update({"50": 1.5}),
            "power.j_per_token.factors must not fall",
        ),
    ],
)
def test_a_value_that_no_fit_gives_is_named(
    folder: Path, tmp_path: Path, change: Callable[[dict[str, Any]], Any], named: str
) -> None:
    body = _with_power(json.loads((folder / "physics.json").read_text()))
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(body))
    assert read_step_file(path).power is not None
    change(body)
    path.write_text(json.dumps(body))
    with pytest.raises(BadInput, match=named):
        read_step_file(path)


def test_configurations_with_forms_of_their_own_are_read(folder: Path, tmp_path: Path) -> None:
    body = json.loads((folder / "physics.json").read_text())
    _own({})(body)
    path = tmp_path / "own.json"
    path.write_text(json.dumps(body))
    assert read_step_file(path).steps["mean"].own is not None
