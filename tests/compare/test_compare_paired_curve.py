"""Curves of the points and of the model are paired by name; one that lacks a side has a reason."""

from moeprof.compare.paired_curve import NO_HELD_OUT_LOAD, pair_curves
from moeprof.energy.point_energies import NO_ANCHOR
from moeprof.tests.builders import make_model, make_points


def slope(size: int) -> float:
    return 50.0 + size


FIT = make_points(slope, (1, 8, 64))
MODEL = make_model(FIT)


def test_held_out_points_ascend_and_points_of_every_role_are_kept() -> None:
    rows = [*FIT.to_pylist(), *make_points(slope, (30, 4), "holdout").to_pylist()]
    (curve,) = pair_curves(MODEL, rows)
    assert [row["tokens"] for row in curve.held_out] == [4, 30]
    assert len(curve.rows) == 5
    assert curve.fitted is not None


def test_a_curve_that_the_model_lacks_has_the_reason() -> None:
    other = make_points(slope, (4,), "holdout", curve="fc2-4x8-fp32-cold", op="fc2")
    lacking = next(one for one in pair_curves(MODEL, other.to_pylist()) if one.op == "fc2")
    assert lacking.fitted is None
    assert lacking.why_not_judged("energy") == lacking.why_no_heat == lacking.missing
    assert lacking.why_not_judged("latency") is None


def test_held_out_sizes_that_no_load_held_have_the_way_out() -> None:
    metered = {"energy_mj": 1.0, "energy_source": "nvml_counter", "energy_reason": None}
    model = make_model(make_points(slope, (1, 8, 64), **metered))
    rows = make_points(slope, (4,), "holdout", energy_reason=NO_ANCHOR).to_pylist()
    (curve,) = pair_curves(model, rows)
    assert curve.why_not_judged("energy") == NO_HELD_OUT_LOAD
