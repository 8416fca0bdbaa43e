from collections.abc import Callable
from typing import Any

from moeprof.report.contents import read_contents
from moeprof.report.quantities import percent
from moeprof.report.verdict import outcome, verdict_section
from moeprof.store.plan import Plan
from moeprof.store.provenance import Provenance
from moeprof.store.run import Run
from moeprof.store.verdict import Outcome

Rows = list[dict[str, Any]]
Build = Callable[..., Run]


def test_each_curve_stands_with_its_numbers_and_its_reason(full_run: Run) -> None:
    contents = read_contents(full_run)
    assert contents.validation is not None
    page = verdict_section(contents)
    assert len(contents.validation.curves) == 7
    for verdict in contents.validation.curves:
        assert f"{verdict.op}, {verdict.metric}" in page
        assert verdict.reason in page
        for share in (verdict.median, verdict.p95, verdict.max, verdict.bias, verdict.floor):
            assert percent(share) is not None
            assert str(percent(share)) in page


def test_an_outcome_is_told_by_words_and_a_sign_too() -> None:
    texts = {value: outcome(value) for value in Outcome}
    assert "✓ PASS" in texts[Outcome.PASS]
    assert "✗ FAIL" in texts[Outcome.FAIL]
    assert "? AMBIGUOUS" in texts[Outcome.AMBIGUOUS]


def test_without_a_model_the_page_says_how_to_make_one(
    build: Build, plan: Plan, provenance: Provenance, rows: Rows
) -> None:
    page = verdict_section(read_contents(build(plan, provenance, rows, stages=0)))
    assert "There is no cost model yet" in page
    assert "moeprof build-model artifacts/runs/20260101-000000-small" in page


def test_without_a_validation_the_page_says_how_to_make_one(
    build: Build, plan: Plan, provenance: Provenance, rows: Rows
) -> None:
    page = verdict_section(read_contents(build(plan, provenance, rows, stages=1)))
    assert "has not been held against unseen points" in page
    assert "moeprof validate artifacts/runs/20260101-000000-small" in page
    assert "build-model" not in page
