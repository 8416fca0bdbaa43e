"""A verdict knows the model that it judged, and how strict it was; old files are read."""

import json
from dataclasses import replace
from math import inf
from pathlib import Path

import pytest

from moeprof.store.document import read_document
from moeprof.store.verdicts.parts import Outcome
from moeprof.store.verdicts.verdict import CurveVerdict, Validation


@pytest.mark.parametrize(
    ("judged", "present", "is_on"),
    [("a", "a", True), ("a", "b", False), (None, "b", True), ("a", None, True)],
)
def test_a_verdict_on_another_model_is_told_by_its_digest(
    judged: str | None, present: str | None, is_on: bool
) -> None:
    verdict = Validation("holdout", "run", Outcome.PASS, (), {}, model_sha256=judged)
    assert verdict.is_on(present) is is_on


def curve(metric: str, limit: float) -> CurveVerdict:
    return CurveVerdict(
        curve="fc1-8x4-fp32-cold", op="fc1", metric=metric, n=0, median=None, p95=None, max=None,
        bias=None, median_lo=None, median_hi=None, floor=None, coverage_95=None, limit=limit,
        outcome=Outcome.AMBIGUOUS, reason="", points=(),
    )  # fmt: skip


def test_a_laxer_verdict_is_one_on_the_same_model_under_a_larger_limit() -> None:
    usual = Validation(
        "holdout", "run", Outcome.PASS, (curve("latency", 0.03),), {}, None, None, "a"
    )
    lax = replace(usual, curves=(curve("latency", 0.1),))
    assert lax.is_laxer_than(usual)
    assert not usual.is_laxer_than(lax)
    assert not usual.is_laxer_than(usual)
    assert not lax.is_laxer_than(replace(usual, model_sha256="b"))
    assert (usual.strictest, replace(usual, curves=()).strictest) == (0.03, inf)


def test_a_file_of_before_bands_is_read(tmp_path: Path) -> None:
    """The reference run holds one of 1.2, whose fields are all that older files have."""
    path = tmp_path / "validation.json"
    old = {
        "schema": "moeprof.validation/1.0",
        "against": "holdout",
        "model": "run",
        "outcome": "PASS",
        "curves": [
            {
                **{name: None for name in ("median", "p95", "max", "bias", "floor")},
                **{name: None for name in ("median_lo", "median_hi", "coverage_95")},
                "curve": "fc1-8x4-fp32-cold", "op": "fc1", "metric": "latency", "n": 1,
                "limit": 0.03, "outcome": "PASS", "reason": "",
                "points": [{"tokens": 3, "measured": 1.0, "predicted": 1.1, "inside_95": True}],
            }
        ],
        "unmeasured": {},
    }  # fmt: skip
    path.write_text(json.dumps(old))
    found = read_document(path, Validation)
    assert (found.date, found.intervals, found.shift) == (None, {}, None)
    (judged,) = found.curves
    assert (judged.bands, judged.limits, judged.all_findings) == ((), None, ())
