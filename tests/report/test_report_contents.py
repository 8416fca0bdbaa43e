from collections.abc import Callable
from dataclasses import replace
from math import nan
from typing import Any

import pytest

from moeprof.report.contents import is_measured, read_contents
from moeprof.store.errors import BadInput
from moeprof.store.plan import Plan
from moeprof.store.provenance import Provenance
from moeprof.store.run import Run

Rows = list[dict[str, Any]]
Build = Callable[..., Run]


def test_curves_come_in_the_order_of_the_plan_with_their_points_ascending(full_run: Run) -> None:
    contents = read_contents(full_run)
    assert [curve.slug for curve in contents.curves] == [op.curve for op in contents.plan.ops]
    for curve in contents.curves:
        tokens = [row["tokens"] for row in curve.points]
        assert tokens == sorted(tokens)
        assert len(curve.measured) + len(curve.failed) == len(curve.points)
    assert len(contents.points) == 7 * 32


def test_the_model_is_evaluated_at_every_size_of_its_domain(full_run: Run) -> None:
    for curve in read_contents(full_run).curves:
        assert curve.model is not None
        domain = curve.model.domain
        assert list(curve.costs) == list(range(domain.first_tokens, domain.last_tokens + 1))


def test_a_wide_domain_is_thinned_and_keeps_each_measured_size(
    build: Build, plan: Plan, provenance: Provenance, rows: Rows
) -> None:
    for row in rows:
        row["tokens"] = 1 + 400 * (row["tokens"] - 1)
    for curve in read_contents(build(plan, provenance, rows, stages=1)).curves:
        assert curve.model is not None
        assert len(curve.costs) < 1000
        assert set(curve.model.knots_tokens) <= set(curve.costs)
        assert all(cost.tokens == tokens for tokens, cost in curve.costs.items())


def test_stages_that_did_not_run_are_none(
    build: Build, plan: Plan, provenance: Provenance, rows: Rows
) -> None:
    contents = read_contents(build(plan, provenance, rows, stages=0))
    assert contents.model is None
    assert contents.validation is None
    assert contents.stale is None
    assert all(curve.model is None and not curve.costs for curve in contents.curves)


def test_a_model_of_other_points_is_stale(
    build: Build, plan: Plan, provenance: Provenance, rows: Rows
) -> None:
    run = build(plan, provenance, rows, stages=1)
    assert read_contents(run).stale is None
    build(plan, provenance, rows[:-1], stages=0)
    assert "other points" in str(read_contents(run).stale)


def test_a_curve_is_called_by_its_operation_unless_that_has_several(
    build: Build, plan: Plan, provenance: Provenance, rows: Rows
) -> None:
    rows.append(rows[0] | {"curve": "fc1-8x8-fp32-cold", "tokens": 1})
    names = read_contents(build(plan, provenance, rows, stages=0)).names
    assert names["gelu-1024-fp32-cold"] == "gelu"
    assert names["fc1-8x8-fp32-cold"] == "fc1-8x8-fp32-cold"
    assert names[plan.ops[0].curve] == plan.ops[0].curve


@pytest.mark.parametrize("latency_us", [None, 0.0, -1.0, nan])
def test_only_positive_finite_latencies_count_as_measured(latency_us: float | None) -> None:
    assert not is_measured({"latency_us": latency_us})


def test_missing_points_are_named_with_the_way_out(
    build: Build, plan: Plan, provenance: Provenance, rows: Rows
) -> None:
    run = build(replace(plan, ops=()), provenance, rows, stages=0)
    run.table("points").unlink()
    with pytest.raises(BadInput) as caught:
        read_contents(run)
    assert "moeprof parse" in caught.value.hint
