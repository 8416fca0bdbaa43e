"""What both sides have is paired, and what has no pair has a reason."""

import pytest

from moeprof.compare.regression.paired import pairs_of
from moeprof.compare.regression.side import Reading
from moeprof.tests.compare.regression.made_sides import SIZES, curve_of, make_side


def test_curves_are_paired_at_the_sizes_of_both() -> None:
    old, new = make_side(), make_side({"fc1": 1.1})
    del new.values["latency"][(curve_of("fc1"), 1)]  # type: ignore[attr-defined]
    pairs, reasons = pairs_of(old, new, {})
    fc1 = next(one for one in pairs if one.op == "fc1")
    assert fc1.tokens == SIZES[1:]
    assert fc1.level == pytest.approx(0.0953, abs=1e-4)
    assert reasons == {}


def test_what_one_side_lacks_has_a_reason() -> None:
    old = make_side(name="before", ops=("fc1", "gelu"))
    new = make_side(name="after", ops=("fc1", "relu"), reasons={"energy": "no counter"})
    energy = {(curve_of("fc1"), 1): Reading(2.0)}
    old = make_side(name="before", ops=("fc1", "gelu"), values={**old.values, "energy": energy})
    _, reasons = pairs_of(old, new, {})
    assert reasons == {
        "energy": "after lacks it: no counter",
        curve_of("relu"): "only after has it",
        curve_of("gelu"): "only before has it",
    }


def test_values_of_two_sources_are_not_compared() -> None:
    key = ("latency", curve_of("fc1"))
    old = make_side(ops=("fc1",), sources={key: "kernel"})
    new = make_side(ops=("fc1",), sources={key: "wall"})
    pairs, reasons = pairs_of(old, new, {})
    assert pairs == []
    assert "by kernel on OLD and by wall on NEW" in reasons[f"latency of {curve_of('fc1')}"]


def test_a_size_whose_own_repeats_differ_is_less_sure() -> None:
    old, new = make_side(ops=("fc1",)), make_side(ops=("fc1",), digest="other")
    new.values["latency"][(curve_of("fc1"), 8)] = Reading(108.0, 0.001, 0.3, 2)  # type: ignore[index]
    (pairs,), _ = pairs_of(old, new, {})
    at = SIZES.index(8)
    assert pairs.own_sd[at] > 50 * pairs.own_sd[at - 1]
    assert pairs.own_sd_of_all == pytest.approx(pairs.own_sd[0])


def test_of_a_run_against_itself_only_the_mapped_operation_is_paired_otherwise() -> None:
    run = make_side(ops=("fc1", "gelu", "relu"))
    pairs, reasons = pairs_of(run, run, {"gelu": "relu"})
    assert {one.op for one in pairs} == {"fc1", "gelu", "relu"}
    assert reasons == {}
