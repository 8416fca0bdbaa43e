from collections.abc import Callable
from dataclasses import replace
from typing import Any

from moeprof.report.contents import read_contents
from moeprof.report.quantities import percent
from moeprof.report.verdict import LAXER, outcome, verdict_section
from moeprof.store.document import read_document, write_document
from moeprof.store.plan import Plan
from moeprof.store.provenance import Provenance
from moeprof.store.run import Run
from moeprof.store.verdicts.history import replace_verdict
from moeprof.store.verdicts.parts import Outcome
from moeprof.store.verdicts.summary import advice
from moeprof.store.verdicts.verdict import MixedWorkloadVerdict, Sensor, Validation

Rows = list[dict[str, Any]]
Build = Callable[..., Run]


def test_each_curve_stands_with_its_numbers_and_its_reason(full_run: Run) -> None:
    contents = read_contents(full_run)
    assert contents.validation is not None
    page = verdict_section(contents)
    assert len(contents.validation.curves) == 7
    for verdict in contents.validation.curves:
        assert f"{verdict.op}, {verdict.metric}" in page
        for share in (verdict.median, verdict.p95, verdict.max, verdict.bias, verdict.floor):
            assert percent(share) is not None
            assert str(percent(share)) in page


def test_a_validation_against_a_meter_is_shown_with_its_mixed_workload_and_sensor(
    build: Build, plan: Plan, provenance: Provenance, rows: Rows
) -> None:
    run = build(plan, provenance, rows)
    own = read_document(run.validation_path, Validation)
    replay = MixedWorkloadVerdict(
        window_s=40.0,
        gap_s=4.0,
        stretches=512,
        launches_j=9000.0,
        gap_j=300.0,
        predicted_j=9300.0,
        measured_j=9200.0,
        measured_ci95_j=8.0,
        energy_source="nvml_counter",
        error=9300 / 9200 - 1,
        power_coverage=0.98,
        coverage_gate=0.9,
        limit=0.03,
        outcome=Outcome.PASS,
        reason="the sum is off by 1 %",
        marks=("a flag",),
    )
    sensor = Sensor("nvml_counter", 0.05, "not calibrated here")
    metered = replace(own, against="runs/ID/nvml", replay=replay, sensor=sensor)
    write_document(run.folder / "validation-nvml.json", metered)
    contents = read_contents(run)
    page = verdict_section(contents)
    assert contents.validation == own
    for words in (
        "against holdout: ",
        "against nvml: ",
        "Energy of a mixed workload of 512 segments",
        "9,200 ± 8.000",
        "the sum is off by 1 %; a flag",
        "Scale of the sensor (nvml_counter), in no error above: ±5%; not calibrated here.",
    ):
        assert words in page


def test_an_earlier_verdict_under_a_stricter_limit_is_shown(
    build: Build, plan: Plan, provenance: Provenance, rows: Rows
) -> None:
    run = build(plan, provenance, rows)
    own = read_document(run.validation_path, Validation)
    assert "Earlier verdicts" not in verdict_section(read_contents(run))
    lax = replace(own, curves=tuple(replace(curve, limit=0.2) for curve in own.curves))
    replace_verdict(run.validation_path, replace(lax, validated_utc="2026-11-30T08:00:00+00:00"))
    page = verdict_section(read_contents(run))
    assert LAXER in page
    assert "Earlier verdicts" in page
    assert "against holdout on 2026-11-30: " in page


def test_what_keeps_a_curve_from_pass_is_listed_by_cause(
    build: Build, plan: Plan, provenance: Provenance, rows: Rows
) -> None:
    run = build(plan, provenance, rows)
    contents = read_contents(run)
    assert contents.validation is not None
    for one in advice(contents.validation):
        assert one.what in verdict_section(contents)


def test_an_outcome_has_a_word_and_a_sign_beside_its_colour() -> None:
    texts = {value: outcome(value) for value in Outcome}
    assert "✓ PASS" in texts[Outcome.PASS]
    assert "✗ FAIL" in texts[Outcome.FAIL]
    assert "? AMBIGUOUS" in texts[Outcome.AMBIGUOUS]


def test_without_a_model_the_page_says_how_to_make_one(
    build: Build, plan: Plan, provenance: Provenance, rows: Rows
) -> None:
    page = verdict_section(read_contents(build(plan, provenance, rows, stages=0)))
    assert "There is no cost model yet" in page
    assert "In the folder of this page: <code>moeprof build-model .</code>" in page
    assert ", then <code>moeprof validate .</code>, then <code>moeprof report .</code>" in page


def test_without_a_validation_the_page_says_how_to_make_one(
    build: Build, plan: Plan, provenance: Provenance, rows: Rows
) -> None:
    page = verdict_section(read_contents(build(plan, provenance, rows, stages=1)))
    assert "has not been held against unseen points" in page
    assert "moeprof validate ." in page
    assert "build-model" not in page
