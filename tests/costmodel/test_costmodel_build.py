"""A model holds the measured points, reasons for the others, and the same bytes for a run."""

import json
from collections.abc import Callable
from math import inf, nan
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.costmodel.curve.energy import BEYOND
from moeprof.costmodel.curve.turn_levels import turns_half_width_95
from moeprof.costmodel.model import KernelCostModel
from moeprof.store.cost_model import CostModelFile
from moeprof.store.document import read_document, to_json, write_document
from moeprof.store.errors import BadInput
from moeprof.tests.builders import NO_COUNTER, make_model_file, make_points

SIZES = range(1, 257, 8)


def slope(size: int) -> float:
    return 10.0 + size / 3


def test_a_curve_holds_its_points_and_their_identity() -> None:
    file = make_model_file(make_points(slope, [9, 1, 5], weight_bits=4, group_size=128))
    (curve,) = file.curves
    assert (curve.op, curve.shape, curve.weight_bits, curve.group_size) == ("fc1", (8, 4), 4, 128)
    assert (curve.knots_tokens, curve.domain.first_tokens, curve.domain.last_tokens) == (
        (1, 5, 9),
        1,
        9,
    )
    assert curve.latency_us == (10.3333, 11.6667, 13.0)  # six digits of what was measured
    assert (curve.fit, curve.error.n, file.intervals.n) == ("linear", 1, 1)
    assert (file.preset, file.points_sha256) == ("tiny", "0" * 64)


def test_only_measured_points_of_the_fit_are_knots() -> None:
    file = make_model_file(
        make_points(slope, [1, 8]),
        make_points(slope, [4], role="holdout"),
        make_points(slope, [6], failure="timed out after 60 s", latency_us=None),
    )
    assert file.curves[0].knots_tokens == (1, 8)


def test_the_same_points_in_any_order_give_the_same_bytes() -> None:
    first = make_points(slope, SIZES)
    second = make_points(slope, SIZES, curve="fc2-4x8-fp32-cold", op="fc2", shape=[4, 8])
    shuffled = pa.concat_tables([second, first]).take(list(range(2 * len(SIZES)))[::-1])
    assert to_json(make_model_file(first, second)) == to_json(make_model_file(shuffled))


@settings(max_examples=30)
@given(
    st.dictionaries(st.integers(1, 4096), st.floats(1e-3, 1e7), min_size=2, max_size=30),
)
def test_a_model_read_from_its_file_is_equal(tmp_path: Path, measured: dict[int, float]) -> None:
    file = make_model_file(make_points(measured.__getitem__, measured))
    write_document(tmp_path / "model.json", file)
    back = read_document(tmp_path / "model.json", CostModelFile)
    assert back == file
    assert to_json(back) == to_json(file) == (tmp_path / "model.json").read_text()
    assert file.curves[0].latency_us == pytest.approx(
        [measured[size] for size in sorted(measured)], rel=5e-6
    )


def test_a_whole_model_of_five_operations_is_small() -> None:
    tables = [
        make_points(lambda b: 12.3456789 * b, range(1, 513, 21), curve=f"{op}-fp32", op=op)
        for op in ("router", "topk", "fc1", "act", "fc2")
    ]
    assert len(to_json(make_model_file(*tables)).encode()) < 100_000


@pytest.mark.parametrize(
    ("measured", "failed", "reason"),
    [
        ([4], [], "1 of 1 points measured, and a curve needs two"),
        ([4], [1, 8], "1 of 3 points measured, and a curve needs two: out of memory"),
        ([], [1, 8], "0 of 2 points measured, and a curve needs two: out of memory"),
    ],
)
def test_a_curve_with_too_few_points_is_unmeasured_with_the_reason(
    measured: list[int], failed: list[int], reason: str
) -> None:
    file = make_model_file(
        make_points(slope, measured),
        make_points(slope, failed, failure="out of memory", latency_us=None),
    )
    assert file.curves == ()
    assert file.unmeasured == {"fc1": reason}
    assert file.intervals.n == 0


def test_one_unmeasured_curve_of_several_is_named_by_its_own_name() -> None:
    other = make_points(slope, [1], curve="fc1-16x4-fp32-cold", shape=[16, 4])
    file = make_model_file(make_points(slope, [1, 8]), other)
    assert [curve.curve for curve in file.curves] == ["fc1-8x4-fp32-cold"]
    assert set(file.unmeasured) == {"fc1-16x4-fp32-cold"}


def test_a_planned_curve_without_a_point_for_its_fit_is_unmeasured() -> None:
    """The budget may have ended with one size of the hold-out measured, or with none."""
    held_out = make_points(slope, [4], curve="fc2-4x8", op="fc2", role="holdout")
    file = make_model_file(
        *(make_points(slope, [1, 8]), held_out),
        planned={"fc1-8x4-fp32-cold": "fc1", "fc2-4x8": "fc2", "gelu-4": "gelu"},
    )
    assert [curve.op for curve in file.curves] == ["fc1"]
    reason = "no size for its fit was measured, and a curve needs two"
    assert file.unmeasured == {"fc2": reason, "gelu": reason}


@pytest.mark.parametrize("latency_us", [0.0, -1.0, nan, inf])
def test_an_impossible_latency_is_named(latency_us: float) -> None:
    points = make_points({1: 10.0, 8: latency_us}.__getitem__, [1, 8])
    with pytest.raises(BadInput, match=f"latency_us of fc1-.* at batch size 8 is {latency_us}"):
        make_model_file(points)


@pytest.mark.parametrize(
    ("columns", "complaint"),
    [
        ({"regime": "sustained"}, "mixes two values of regime: burst and sustained"),
        ({"l2": "hot"}, "mixes two values of l2: cold and hot"),
        ({"shape": [4, 8]}, "mixes two values of shape"),
        ({"latency_source": "kernel"}, "mixes two values of latency_source: wall and kernel"),
        ({"dtype": None}, "mixes two values of dtype: float32 and None"),
        ({"latency_us": None}, "neither a latency nor a failure at batch size 8"),
        ({"tokens": 0}, "a point at batch size 0"),
        ({"tokens": None}, "a point at batch size None"),
        ({"tokens": 1}, "two latencies at batch size 1: 10.3333 and 12.6667 us"),
        ({"energy_mj": 0.0}, "energy_mj of fc1-8x4-fp32-cold at batch size 8 is 0.0"),
    ],
)
def test_points_that_differ_in_identity_are_refused_as_one_curve(
    columns: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(BadInput, match=complaint) as caught:
        make_model_file(make_points(slope, [1, 4]), make_points(slope, [8], **columns))
    assert "fc1-8x4-fp32-cold" in caught.value.message


def test_a_curve_without_a_required_column_is_refused() -> None:
    with pytest.raises(BadInput, match="without its l2"):
        make_model_file(make_points(slope, [1, 4], l2=None))


def test_a_size_given_twice_with_one_latency_is_one_knot() -> None:
    file = make_model_file(make_points(slope, [1, 4]), make_points(slope, [4]))
    assert file.curves[0].knots_tokens == (1, 4)


def test_points_without_a_fit_role_are_refused() -> None:
    for table in (make_points(slope, [1, 4], role="holdout"), make_points(slope, [])):
        with pytest.raises(BadInput, match="no row with role 'fit'") as caught:
            make_model_file(table)
        assert "moeprof profile" in caught.value.hint


def test_without_any_energy_it_is_null_with_the_reason_of_the_points() -> None:
    (curve,) = make_model_file(make_points(slope, [1, 4])).curves
    assert (curve.energy_mj, curve.energy_source) == (None, "unavailable")
    assert curve.energy_reason == NO_COUNTER
    assert '"energy_mj": null' in to_json(make_model_file(make_points(slope, [1, 4])))


def test_energy_of_every_point_is_kept_with_its_source() -> None:
    metered = {"energy_source": "rapl", "energy_reason": None}
    (curve,) = make_model_file(make_points(slope, [1, 4], energy_mj=2.0, **metered)).curves
    assert (curve.energy_mj, curve.energy_source, curve.energy_reason) == ((2.0, 2.0), "rapl", None)


def test_energy_of_one_point_alone_is_null_and_the_reason_counts_the_others() -> None:
    (curve,) = make_model_file(
        make_points(slope, [1], energy_mj=2.0, energy_source="rapl", energy_reason=None),
        make_points(slope, [4, 8], energy_reason="too short for the meter"),
    ).curves
    assert curve.energy_mj is None
    assert curve.energy_reason == "2 of 3 points lack it: too short for the meter"


def test_energy_of_some_knots_is_kept_with_their_sizes() -> None:
    metered = {"energy_source": "rapl", "energy_reason": None, "energy_mj_ci95": 0.1}
    (curve,) = make_model_file(
        make_points(slope, [1, 8], energy_mj=2.0, idle_power_w=50.0, **metered),
        make_points(slope, [4, 16], energy_reason="too short for the meter"),
    ).curves
    assert (curve.energy_tokens, curve.energy_mj, curve.energy_ci95) == (
        (1, 8),
        (2.0, 2.0),
        (0.05, 0.05),
    )
    assert (curve.energy_source, curve.idle_power_w) == ("rapl", 50.0)
    assert curve.energy_reason == BEYOND.format(1, 8)


def test_calibration_points_are_scored_without_them_and_then_become_knots() -> None:
    reserved = make_points(lambda b: 1.02 * slope(b), [20, 60, 100], role="calibration")
    file = make_model_file(make_points(slope, SIZES), reserved)
    assert file.intervals.n == 3
    assert file.intervals.method.startswith("calibration points")
    assert file.curves[0].knots_tokens == tuple(sorted({*SIZES, 20, 60, 100}))
    assert KernelCostModel.from_file(file).get_cost("fc1", 60).latency_us == 1.02 * slope(60)


@pytest.mark.parametrize(("off", "least", "most"), [(1.0, 0, 0.01), (1.1, 0.05, 0.2)])
def test_the_noise_of_a_curve_is_that_of_points_its_fit_was_not_given(
    off: float, least: float, most: float
) -> None:
    """Errors at knots are zero, and would give no noise at all."""
    sizes = range(4, 250, 32)
    reserved = make_points(lambda b: off * slope(b), sizes, role="calibration")
    (curve,) = make_model_file(make_points(slope, SIZES), reserved).curves
    assert least < curve.noise < most


def test_a_calibration_point_that_contradicts_a_knot_of_its_size_is_refused() -> None:
    other = make_points(lambda b: 2 * slope(b), [9], role="calibration")
    with pytest.raises(BadInput, match="two latencies at batch size 9"):
        make_model_file(make_points(slope, SIZES), other)


def test_calibration_points_alone_are_no_curve() -> None:
    """Without two knots of the fit there is nothing to score."""
    file = make_model_file(make_points(slope, [1]), make_points(slope, [4, 9], role="calibration"))
    assert file.unmeasured == {"fc1": "1 of 1 points measured, and a curve needs two"}


def test_a_model_of_two_regimes_is_refused() -> None:
    other = make_points(slope, [1, 4], curve="fc2-4x8", op="fc2", regime="sustained")
    with pytest.raises(BadInput, match="regime: burst and sustained"):
        make_model_file(make_points(slope, [1, 4]), other)


def test_knots_are_numbered_by_the_kernels_of_their_trace() -> None:
    tables = [
        make_points(slope, sizes, signature=kernel)
        for kernel, sizes in (("a <<<1>>>", [1, 4]), ("a <<<2>>>", [8]))
    ]
    assert make_model_file(*tables).curves[0].segments == (0, 0, 1)
    assert make_model_file(make_points(slope, [1, 4])).curves[0].segments is None


def test_a_row_faster_than_the_roofline_is_refused() -> None:
    in_ms = make_points(lambda b: slope(b) / 1000, [1, 4], flops=10**10, bytes_moved=10**6)
    with pytest.raises(BadInput, match="2 of 2 points are faster") as caught:
        make_model_file(in_ms)
    assert "fc1-8x4-fp32-cold at batch size 1 took" in caught.value.message
    assert "look like ms or s where us are meant" in caught.value.message


def routed_us(active: int) -> Callable[[int], float]:
    return lambda size: 3.0 + 6 * active + 0.1 * size


def test_points_over_active_experts_become_one_surface() -> None:
    tables = [
        make_points(
            routed_us(active),
            [8, 32, 128],
            curve=f"moe-fp32-e64-a{active}-k2-cold",
            op="moe",
            experts=64,
            active_experts=active,
            top_k=2,
        )
        for active in (4, 8, 16)
    ]
    file = make_model_file(*tables, make_points(slope, [1, 4]))
    (surface,) = file.surfaces
    assert (surface.surface, surface.top_k) == ("moe-fp32-e64-k2-cold", 2)
    assert [curve.op for curve in file.curves] == ["fc1"]
    few = make_model_file(tables[0].slice(0, 1), tables[1].slice(0, 1), make_points(slope, [1, 4]))
    assert "do not span" in few.unmeasured["moe"]


def test_energy_of_two_meters_is_not_mixed() -> None:
    with pytest.raises(BadInput, match="energy_source: nvml_counter and rapl"):
        make_model_file(
            make_points(slope, [1], energy_mj=2.0, energy_source="nvml_counter"),
            make_points(slope, [8], energy_mj=2.0, energy_source="rapl"),
        )


def test_the_file_holds_no_build_time() -> None:
    body = json.loads(to_json(make_model_file(make_points(slope, [1, 4]))))
    fields = ["preset", "points_sha256", "provenance", "curves", "intervals", "unmeasured"]
    more = ["source", "origin", "peaks", "thermal", "thermal_reason", "surfaces", "sha256", "runs"]
    assert list(body) == ["schema", *fields, *more, "layers"]


def test_turns_of_a_surface_count_by_number_of_active_experts() -> None:
    """Each number is an operation of the sweep, with turns of its own."""
    turns = {4: 0.0, 8: 0.1}
    tables = [
        make_points(
            slope, [8, 16, 32, 64], op="moe", experts=32, top_k=2, turns_apart=apart,
            active_experts=experts, curve=f"moe-8x4-fp32-e32-a{experts}-k2-cold",
        )
        for experts, apart in turns.items()
    ]  # fmt: skip
    file = make_model_file(*tables)
    assert len(file.surfaces) == 1
    assert file.intervals.turns_95 == pytest.approx(
        turns_half_width_95([[apart] * 4 for apart in turns.values()]), rel=1e-5
    )
