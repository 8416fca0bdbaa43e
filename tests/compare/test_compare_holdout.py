"""A model is compared with its hold-out points, and the reason for each left-out one is kept."""

from collections.abc import Callable
from functools import partial
from math import hypot, log, log1p, nan
from pathlib import Path

import pyarrow as pa
import pytest

from moeprof.compare.holdout import validate_holdout
from moeprof.compare.interval_quality import judge_intervals
from moeprof.costmodel.thermal.description import NO_STEP
from moeprof.energy.point_energies import NO_ANCHOR
from moeprof.store.document import read_document, write_document
from moeprof.store.errors import BadInput
from moeprof.store.verdicts.parts import Disturbed, Outcome
from moeprof.store.verdicts.verdict import Validation
from moeprof.tests.builders import NO_COUNTER, make_model, make_points

FIT = range(1, 513, 21)
HELD_OUT = (3, 6, 30, 50, 155, 290, 411, 500)


def slope(size: int) -> float:
    return 50.0 + size


def off_by(share: float) -> Callable[[int], float]:
    """Times beside which predictions are off by this share."""
    return lambda size: slope(size) / (1 + share)


@pytest.mark.parametrize(
    ("share", "outcome"),
    [(0.0, Outcome.PASS), (-0.02, Outcome.PASS), (0.06, Outcome.FAIL), (-0.06, Outcome.FAIL)],
)
def test_latency_is_judged_by_its_median_error(share: float, outcome: Outcome) -> None:
    points = pa.concat_tables(
        [
            make_points(slope, FIT, "fit"),
            make_points(off_by(share), HELD_OUT, "holdout", repeat_difference=log(1.004)),
        ]
    )
    validation = validate_holdout(make_model(points), "model.json", points)
    (verdict,) = validation.curves
    assert (validation.against, validation.model) == ("holdout", "model.json")
    assert validation.outcome is verdict.outcome is outcome
    assert (verdict.metric, verdict.n, verdict.limit) == ("latency", 8, 0.03)
    assert verdict.median == pytest.approx(max(1 + share, 1 / (1 + share)) - 1, abs=1e-6)
    assert verdict.bias == pytest.approx(share, abs=1e-6)
    assert verdict.floor == pytest.approx(0.004)
    assert [point.tokens for point in verdict.points] == list(HELD_OUT)


PLANTED: dict[str, tuple[Callable[[int], float], float, Outcome]] = {
    "nothing": (lambda _: 1.0, 0.01, Outcome.PASS),
    "too fast up to 16": (lambda size: 0.4 if size <= 16 else 1.0, 0.01, Outcome.FAIL),
    "too slow in one band": (lambda size: 1.4 if size <= 8 else 1.0, 0.01, Outcome.FAIL),
    "too fast at one size": (lambda size: 0.4 if size == 50 else 1.0, 0.01, Outcome.FAIL),
    "too slow at large sizes": (lambda size: 1.3 if size > 64 else 1.0, 0.01, Outcome.FAIL),
    "too slow throughout": (lambda _: 1.085, 0.01, Outcome.FAIL),
    "noise at one size": (lambda size: 1.4 if size == 50 else 1.0, 0.6, Outcome.AMBIGUOUS),
    "noise that did no harm": (lambda _: 1.0, 0.6, Outcome.PASS),
    "far beyond much noise": (lambda _: 2.5, 0.2, Outcome.FAIL),
}


@pytest.mark.parametrize(("factor", "repeat", "outcome"), PLANTED.values(), ids=PLANTED)
def test_planted_errors_of_a_model(
    factor: Callable[[int], float], repeat: float, outcome: Outcome
) -> None:
    """Predictions are so many times the held-out time, whose repeats differ by `repeat`."""
    points = pa.concat_tables(
        [
            make_points(slope, FIT, "fit"),
            make_points(
                lambda size: slope(size) / factor(size),
                HELD_OUT,
                "holdout",
                repeat_difference=log1p(repeat),
            ),
        ]
    )
    assert validate_holdout(make_model(points), "a", points).outcome is outcome


def test_coverage_is_the_share_of_points_inside_the_interval() -> None:
    def noisy(size: int) -> float:
        return slope(size) * (1 + 0.01 * ((7919 * size) % 13 - 6) / 6)

    points = pa.concat_tables(
        [
            make_points(noisy, FIT, "fit"),
            make_points(noisy, HELD_OUT[:6], "holdout"),
            make_points(off_by(0.5), HELD_OUT[6:], "holdout"),
        ]
    )
    (verdict,) = validate_holdout(make_model(points), "a", points).curves
    assert [point.inside_95 for point in verdict.points] == [True] * 6 + [False] * 2
    assert verdict.coverage_95 == 0.75


def test_the_floor_comes_from_points_of_any_role() -> None:
    points = pa.concat_tables(
        [
            make_points(slope, FIT[:-1], "fit"),
            make_points(slope, FIT[-1:], "fit", repeat_difference=log(1.05)),
            make_points(slope, HELD_OUT, "holdout"),
        ]
    )
    (verdict,) = validate_holdout(make_model(points), "a", points).curves
    assert verdict.floor == pytest.approx(0.05)


def test_a_given_limit_replaces_the_usual_one() -> None:
    points = pa.concat_tables(
        [make_points(slope, FIT, "fit"), make_points(off_by(0.02), HELD_OUT, "holdout")]
    )
    model = make_model(points)
    assert validate_holdout(model, "a", points).outcome is Outcome.PASS
    strict = validate_holdout(model, "a", points, limit=0.01)
    assert (strict.outcome, strict.curves[0].limit) == (Outcome.FAIL, 0.01)


@pytest.mark.parametrize("limit", [0.0, -0.03, nan, float("inf")])
def test_an_impossible_limit_is_refused(limit: float) -> None:
    points = make_points(slope, FIT, "fit")
    with pytest.raises(BadInput, match=f"the limit is {limit}"):
        validate_holdout(make_model(points), "a", points, limit=limit)


def test_without_hold_out_points_the_way_out_is_given() -> None:
    points = make_points(slope, FIT, "fit")
    with pytest.raises(BadInput, match="no hold-out point") as caught:
        validate_holdout(make_model(points), "a", points)
    assert "at least 24 batch sizes" in caught.value.hint


def test_points_that_cannot_be_compared_are_counted_and_named() -> None:
    gone = {"latency_us": None}
    points = pa.concat_tables(
        [
            make_points(slope, FIT, "fit"),
            make_points(slope, HELD_OUT, "holdout"),
            make_points(slope, [600, 700], "holdout"),
            make_points(slope, [45], "holdout", failure="timed out after 60 s", **gone),
            make_points(slope, [46], "holdout", **gone),
        ]
    )
    (verdict,) = validate_holdout(make_model(points), "a", points).curves
    assert (verdict.n, verdict.outcome) == (8, Outcome.PASS)
    for said in (
        "left out 600, 700: outside the model's domain of 1 to 505",
        "left out 45: timed out after 60 s",
        "left out 46: it has no latency_us",
    ):
        assert said in verdict.reason


@pytest.mark.parametrize("latency_us", [0.0, -1.0, nan])
def test_an_impossible_latency_is_refused(latency_us: float) -> None:
    points = pa.concat_tables(
        [make_points(slope, FIT, "fit"), make_points(lambda _: latency_us, [30], "holdout")]
    )
    with pytest.raises(BadInput, match=f"at batch size 30 is {latency_us}"):
        validate_holdout(make_model(points), "a", points)


def test_one_failing_curve_fails_the_whole() -> None:
    other = {"curve": "fc2-4x8-fp32-cold", "op": "fc2", "shape": [4, 8]}
    points = pa.concat_tables(
        [
            make_points(slope, FIT, "fit"),
            make_points(slope, HELD_OUT, "holdout"),
            make_points(slope, FIT, "fit", **other),
            make_points(off_by(0.1), HELD_OUT, "holdout", **other),
        ]
    )
    validation = validate_holdout(make_model(points), "a", points)
    assert [v.outcome for v in validation.curves] == [Outcome.PASS, Outcome.FAIL]
    assert validation.outcome is Outcome.FAIL


def test_a_curve_that_the_model_lacks_makes_the_whole_ambiguous() -> None:
    other = {"curve": "fc2-4x8-fp32-cold", "op": "fc2", "shape": [4, 8]}
    points = pa.concat_tables(
        [
            make_points(slope, FIT, "fit"),
            make_points(slope, HELD_OUT, "holdout"),
            make_points(slope, [1], "fit", **other),
            make_points(slope, HELD_OUT, "holdout", **other),
        ]
    )
    validation = validate_holdout(make_model(points), "a", points)
    assert [(v.op, v.n, v.outcome) for v in validation.curves] == [
        ("fc1", 8, Outcome.PASS),
        ("fc2", 0, Outcome.AMBIGUOUS),
    ]
    assert "the model lacks this curve: 1 of 1 points measured" in validation.curves[1].reason
    assert validation.outcome is Outcome.AMBIGUOUS


def test_a_curve_without_hold_out_points_makes_the_whole_ambiguous() -> None:
    points = pa.concat_tables(
        [
            make_points(slope, FIT, "fit"),
            make_points(slope, HELD_OUT, "holdout"),
            make_points(slope, FIT, "fit", curve="act-fp32-cold", op="act", shape=[]),
        ]
    )
    validation = validate_holdout(make_model(points), "a", points)
    assert {v.op: v.outcome for v in validation.curves} == {
        "act": Outcome.AMBIGUOUS,
        "fc1": Outcome.PASS,
    }


def test_a_quantity_that_no_point_has_is_unmeasured_with_the_reason() -> None:
    points = pa.concat_tables(
        [make_points(slope, FIT, "fit"), make_points(slope, HELD_OUT, "holdout")]
    )
    assert validate_holdout(make_model(points), "a", points).unmeasured == {
        "energy": NO_COUNTER,
        "heat": NO_STEP,
        "power": NO_COUNTER,
    }


def test_power_and_energy_are_judged_where_they_were_measured() -> None:
    """At 300 W, energy in mJ is 0.3 times the time in us."""
    metered = {"energy_source": "rapl", "energy_reason": None, "power_w": 300.0}
    points = pa.concat_tables(
        [
            *(make_points(slope, [b], "fit", energy_mj=0.3 * slope(b), **metered) for b in FIT),
            *(
                make_points(slope, [b], "holdout", energy_mj=0.33 * slope(b), **metered)
                for b in HELD_OUT
            ),
        ]
    )
    validation = validate_holdout(make_model(points), "a", points)
    judged = {v.metric: v for v in validation.curves}
    assert {metric: v.outcome for metric, v in judged.items()} == {
        "latency": Outcome.PASS,
        "power": Outcome.PASS,
        "energy": Outcome.FAIL,
    }
    assert (judged["energy"].limit, judged["power"].limit) == (0.05, 0.03)
    assert judged["energy"].bias == pytest.approx(0.3 / 0.33 - 1, rel=1e-4)
    assert judged["energy"].coverage_50 == 0.0
    assert set(validation.unmeasured) == {"heat"}


def test_power_and_energy_have_the_floor_of_their_own_blocks() -> None:
    metered = {"energy_source": "simulated", "energy_reason": None, "power_w": 300.0}
    repeats = {"power_repeat_difference": log(1.04), "energy_repeat_difference": log(1.02)}
    energies = [(b, 0.3 * slope(b)) for b in (*FIT, *HELD_OUT)]
    points = pa.concat_tables(
        [
            make_points(
                slope,
                [b],
                "holdout" if b in HELD_OUT else "fit",
                energy_mj=energy_mj,
                **metered,
                **(repeats if b in HELD_OUT else {}),
            )
            for b, energy_mj in energies
        ]
    )
    validation = validate_holdout(make_model(points), "a", points)
    floors = {verdict.metric: verdict.floor for verdict in validation.curves}
    assert floors == {
        "latency": None,
        "power": pytest.approx(0.04),
        "energy": pytest.approx(0.02),
    }
    outcomes = {verdict.metric: verdict.outcome for verdict in validation.curves}
    assert (outcomes["power"], outcomes["energy"]) == (Outcome.PASS, Outcome.PASS)
    assert validation.sensor is not None
    assert (validation.sensor.energy_source, validation.sensor.gain_uncertainty) == (
        "simulated",
        None,
    )


def test_held_out_sizes_without_a_load_have_the_way_out() -> None:
    metered = {"energy_source": "rapl", "energy_reason": None, "energy_mj": 2.0}
    points = pa.concat_tables(
        [
            make_points(slope, FIT, "fit", **metered),
            make_points(slope, HELD_OUT, "holdout", energy_reason=NO_ANCHOR),
        ]
    )
    unmeasured = validate_holdout(make_model(points), "a", points).unmeasured
    assert "`moeprof validate --against nvml` holds them" in unmeasured["energy"]


def test_energy_that_one_curve_lacks_is_unmeasured_for_it_alone() -> None:
    metered = {"energy_source": "rapl", "energy_reason": None, "energy_mj": 2.0}
    other = {"curve": "fc2-4x8-fp32-cold", "op": "fc2", "shape": [4, 8]}
    points = pa.concat_tables(
        [
            make_points(slope, FIT, "fit", **metered),
            make_points(slope, HELD_OUT, "holdout", **metered),
            make_points(slope, FIT, "fit", **other),
            make_points(slope, HELD_OUT, "holdout", **other),
        ]
    )
    unmeasured = validate_holdout(make_model(points), "a", points).unmeasured
    assert unmeasured["energy of fc2-4x8-fp32-cold"] == NO_COUNTER
    assert unmeasured["power"] == f"no hold-out point has power_w; {NO_COUNTER}"


def test_a_verdict_read_from_its_file_is_equal(
    tmp_path: Path,
) -> None:
    points = pa.concat_tables(
        [make_points(slope, FIT, "fit"), make_points(slope, HELD_OUT, "holdout")]
    )
    validation = validate_holdout(make_model(points), "a", points)
    write_document(tmp_path / "validation.json", validation)
    assert read_document(tmp_path / "validation.json", Validation) == validation


@pytest.mark.parametrize(
    ("disturbed", "outcome"),
    [
        (set(), Outcome.PASS),
        ({3, 30, 155, 290}, Outcome.PASS),  # half of each band
        ({3, 6}, Outcome.AMBIGUOUS),  # one band as a whole
        ({3, 30, 155, 290, 411}, Outcome.AMBIGUOUS),
    ],
)
def test_sizes_of_a_machine_that_was_not_quiet_are_counted_and_most_of_them_pass_no_curve(
    disturbed: set[int], outcome: Outcome
) -> None:
    held_out = make_points(slope, HELD_OUT, "holdout", repeat_difference=log(1.004))
    keys = [str(size) for size in HELD_OUT]
    at = held_out.schema.get_field_index("scenario_key")
    held_out = held_out.set_column(at, held_out.schema.field(at), pa.array(keys, pa.string()))
    points = pa.concat_tables([make_points(slope, FIT, "fit"), held_out])
    model = make_model(points)
    beside = {"latency": [str(size) for size in disturbed]}
    validation = validate_holdout(model, "a", points, disturbed=beside)
    assert validation.outcome is outcome
    assert validation.disturbed == Disturbed(len(disturbed), 8)
    assert validate_holdout(model, "a", points, disturbed={"energy": keys}).disturbed.count == 0


def test_intervals_that_are_wrong_on_some_curves_are_not_said_to_be_so_on_all() -> None:
    """Two curves of seven are off by far more than their intervals say."""

    def scattered(size: int, seed: int) -> float:
        return slope(size) * (1 + 0.004 * ((3 * size + seed) % 5 - 2))

    names = [f"fc{n}-8x4-fp32-cold" for n in range(7)]
    tables = []
    for seed, name in enumerate(names):
        times_us = off_by(0.25) if seed < 2 else partial(scattered, seed=seed)
        of = {"curve": name, "op": name[:3]}
        tables.append(make_points(partial(scattered, seed=seed), FIT, "fit", **of))
        tables.append(make_points(times_us, HELD_OUT, "holdout", **of))
    points = pa.concat_tables(tables)
    validation = validate_holdout(make_model(points), "a", points)
    blamed = [one.curve for one in validation.curves if one.intervals and one.intervals.remark]
    assert blamed == names[:2]
    assert validation.intervals["latency"].remark is None
    together = judge_intervals([point for one in validation.curves for point in one.points])
    assert together is not None
    assert together.remark is not None


def test_sizes_of_the_same_run_are_judged_without_what_another_run_adds() -> None:
    """Both turns of the knots were those of the held-out sizes; of another run they were not."""
    points = pa.concat_tables(
        [
            make_points(slope, FIT, "fit", turns_apart=0.1),
            make_points(slope, HELD_OUT, "holdout", turns_apart=0.1),
        ]
    )
    model = make_model(points)
    (same,) = validate_holdout(model, "run", points).curves
    (other,) = validate_holdout(model, "run", points, own=points).curves
    halves = [[point.half_95 or 0.0 for point in verdict.points] for verdict in (same, other)]
    turns_95 = model.file.intervals.turns_95
    assert turns_95 is not None
    assert halves[1] == pytest.approx([hypot(half, turns_95) for half in halves[0]])
