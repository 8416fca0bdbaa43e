"""The energy of a mixed workload is compared with the sum of predictions."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pyarrow as pa
import pytest

from moeprof.compare.holdout import validate_holdout
from moeprof.compare.mixed_workload import NO_IDLE_POWER, judge_mixed_workload, with_mixed_workload
from moeprof.costmodel.model import KernelCostModel
from moeprof.energy.faults import Fault
from moeprof.energy.mixed_workload import MeasuredWorkload, Played
from moeprof.energy.per_launch import WindowEnergy
from moeprof.profiler.power.mixed_workload import BROKE_OFF
from moeprof.stats.measured import Measured
from moeprof.store.flag import Flag, FlagCode
from moeprof.store.mixed_workload import Note
from moeprof.store.provenance import EnergySource
from moeprof.store.verdicts.parts import Outcome
from moeprof.tests.builders import NO_COUNTER, make_model, make_points

FC1, FC2 = "fc1-8x4-fp32-cold", "fc2-4x8-fp32-cold"
SIZES = (1, 8, 64)


def time_us(size: int) -> float:
    return 50.0 + size


def routed_us(active: int) -> Callable[[int], float]:
    return lambda size: 100.0 * active + size


@pytest.fixture
def model() -> KernelCostModel:
    """fc1 takes 300 W, and 100 W idle; of fc2 only the time is known."""
    metered = {"energy_source": "nvml_counter", "energy_reason": None, "idle_power_w": 100.0}
    fc1 = [make_points(time_us, [b], "fit", energy_mj=0.3 * time_us(b), **metered) for b in SIZES]
    fc2 = make_points(time_us, SIZES, "fit", curve=FC2, op="fc2", shape=[4, 8])
    return make_model(pa.concat_tables([*fc1, fc2]))


def metered(
    energy_j: float | None, *more: Played, ci95_j: float = 3.0, flags: Sequence[Flag] = ()
) -> MeasuredWorkload:
    """9 s of fc1 at 8 tokens and whatever else, and one second of pauses."""
    energy = (
        Measured(None, None, 0, Fault.GPU_LOST)
        if energy_j is None
        else Measured(1000 * energy_j, 1000 * ci95_j, 80)
    )
    source = EnergySource.UNAVAILABLE if energy_j is None else EnergySource.NVML_COUNTER
    cost = WindowEnergy(energy, energy, None, None, source, (), tuple(flags))
    played = (Played(FC1, 8, 9e6 / time_us(8), 9.0), *more)
    window_s = 1.0 + sum(part.busy_s for part in played)
    return MeasuredWorkload(cost, window_s, 1.0, 90, played, (), ())


TOTAL_J = 9.0 * 300 + 1.0 * 100


@pytest.mark.parametrize(
    ("energy_j", "ci95_j", "outcome", "says"),
    [
        (TOTAL_J, 3.0, Outcome.PASS, "within the limit of 3.00 %"),
        (TOTAL_J / 1.028, 3.0, Outcome.PASS, "off by +2.69 % to +2.91 %"),
        (TOTAL_J / 1.03, 30.0, Outcome.AMBIGUOUS, "the limit of 3.00 % is within"),
        (TOTAL_J / 1.05, 3.0, Outcome.FAIL, "beyond the limit of 3.00 %"),
        (TOTAL_J / 0.95, 3.0, Outcome.FAIL, "off by -5."),
        (TOTAL_J, 0.1 * TOTAL_J, Outcome.AMBIGUOUS, "off by -9.09 % to +11.11 %"),
    ],
)
def test_the_sum_is_judged_over_the_interval_of_the_measured_energy(
    model: KernelCostModel, energy_j: float, ci95_j: float, outcome: Outcome, says: str
) -> None:
    verdict = judge_mixed_workload(model, metered(energy_j, ci95_j=ci95_j), 0.03)
    assert verdict.outcome is outcome
    assert says in verdict.reason
    assert verdict.launches_j == pytest.approx(2700, rel=1e-4)
    assert (verdict.gap_s, verdict.gap_j) == (1.0, 100.0)
    assert verdict.predicted_j == pytest.approx(TOTAL_J, rel=1e-4)
    assert verdict.error == pytest.approx(TOTAL_J / energy_j - 1, abs=1e-4)
    assert (verdict.power_coverage, verdict.energy_source) == (1.0, "nvml_counter")


def test_below_the_coverage_gate_the_energy_is_withheld(model: KernelCostModel) -> None:
    unknown = Played(FC2, 8, 1000, 1.5)
    verdict = judge_mixed_workload(model, metered(TOTAL_J, unknown), 0.03)
    assert verdict.power_coverage == pytest.approx(9 / 10.5)
    assert (verdict.predicted_j, verdict.launches_j, verdict.error) == (None, None, None)
    assert verdict.measured_j == pytest.approx(TOTAL_J)
    assert verdict.outcome is Outcome.AMBIGUOUS
    assert "measured energy for 85.71 % of the time" in verdict.reason
    assert f"no energy of {FC2} at 1 size(s): {NO_COUNTER}" in verdict.reason


def test_above_the_gate_the_rest_is_charged_at_the_mean_power(
    model: KernelCostModel,
) -> None:
    verdict = judge_mixed_workload(
        model, metered(2800 + 0.5 * 300, Played(FC2, 8, 1000, 0.5)), 0.03
    )
    assert verdict.outcome is Outcome.PASS
    assert verdict.predicted_j == pytest.approx(TOTAL_J + 0.5 * 300, rel=1e-4)
    assert f"no energy of {FC2} at 1 size(s)" in verdict.reason


def test_a_size_that_the_model_cannot_look_up_counts_as_not_covered(
    model: KernelCostModel,
) -> None:
    verdict = judge_mixed_workload(
        model, metered(TOTAL_J, Played("gelu-4-fp32-cold", 8, 9, 0.5)), 0.03
    )
    assert verdict.power_coverage == pytest.approx(9 / 9.5)
    assert "the model has no operation 'gelu-4-fp32-cold'" in verdict.reason


def test_experts_are_predicted_by_the_surface_that_they_are_part_of() -> None:
    def name(active: int) -> str:
        return f"experts-8x4-fp32-e8-a{active}-k2-cold"

    metered_w = {"energy_source": "nvml_counter", "energy_reason": None, "idle_power_w": 100.0}
    routed = {"op": "experts", "experts": 8, "top_k": 2}
    points = [
        make_points(
            routed_us(active),
            [size],
            "fit",
            curve=name(active),
            active_experts=active,
            energy_mj=0.3 * (100.0 * active + size),
            **routed,
            **metered_w,
        )
        for active in (2, 4, 8)
        for size in (8, 64)
    ]
    model = make_model(pa.concat_tables(points))
    played = Played(name(4), 16, 9e6 / 416.0, 9.0)
    found = replace(metered(TOTAL_J), played=(played,))
    verdict = judge_mixed_workload(model, found, 0.03)
    assert verdict.power_coverage == 1.0
    assert verdict.predicted_j == pytest.approx(TOTAL_J, rel=0.01)
    assert verdict.outcome is Outcome.PASS


def test_without_idle_power_the_gaps_are_not_known(
    model: KernelCostModel,
) -> None:
    curves = tuple(replace(curve, idle_power_w=None) for curve in model.curves)
    blind = KernelCostModel(replace(model.file, curves=curves))
    verdict = judge_mixed_workload(blind, metered(TOTAL_J), 0.03)
    assert (verdict.outcome, verdict.gap_j, verdict.predicted_j) == (Outcome.AMBIGUOUS, None, None)
    assert verdict.reason == NO_IDLE_POWER


def test_without_a_measured_energy_the_reason_is_given(model: KernelCostModel) -> None:
    verdict = judge_mixed_workload(model, metered(None), 0.03)
    assert (verdict.outcome, verdict.measured_j, verdict.error) == (Outcome.AMBIGUOUS, None, None)
    assert verdict.reason == f"no energy was measured: {Fault.GPU_LOST}"


def test_operations_that_were_left_out_are_flagged(model: KernelCostModel) -> None:
    found = replace(
        metered(TOTAL_J, flags=[Flag(FlagCode.POWER_CAPPED, "a flag")]),
        left_out=(Note("fc2", 8, "out of memory"),),
        launched_one_by_one=(Note("fc1", 8, "it copies to the host"),),
    )
    assert judge_mixed_workload(model, found, 0.03).marks == (
        "a flag",
        "fc2 b=8 took no part: out of memory",
        "fc1 b=8 was launched one by one: it copies to the host",
    )


def test_the_mixed_workload_counts_in_the_verdict_on_the_whole(model: KernelCostModel) -> None:
    points = make_points(time_us, (2, 3, 5, 9, 20, 33, 50), "holdout")
    alone = validate_holdout(model, "a", points)
    curves = tuple(curve for curve in alone.curves if curve.op == "fc1")
    alone = replace(alone, curves=curves, outcome=Outcome.PASS)
    assert with_mixed_workload(alone, model, None) is alone

    good = with_mixed_workload(alone, model, metered(TOTAL_J))
    assert good.outcome is Outcome.PASS
    assert good.sensor is not None
    assert (good.sensor.energy_source, good.sensor.gain_uncertainty) == ("nvml_counter", 0.05)
    assert with_mixed_workload(alone, model, metered(TOTAL_J / 1.05)).outcome is Outcome.FAIL
    assert (
        with_mixed_workload(alone, model, metered(TOTAL_J / 1.05), limit=0.1).outcome
        is Outcome.PASS
    )

    broken = with_mixed_workload(alone, model, f"{BROKE_OFF}: no answer within 60 s")
    assert broken.replay is not None
    assert (broken.outcome, broken.replay.outcome) == (Outcome.AMBIGUOUS, Outcome.AMBIGUOUS)
    assert "broke off" in broken.replay.reason
    assert broken.sensor is None


def test_a_workload_on_a_machine_that_was_not_quiet_does_not_pass(model: KernelCostModel) -> None:
    beside = "other processes on 1.2 of 2 cores"
    found = replace(metered(TOTAL_J), disturbances=(beside,))
    verdict = judge_mixed_workload(model, found, 0.03)
    assert verdict.outcome is Outcome.AMBIGUOUS
    assert verdict.reason.endswith("but the machine was not quiet")
    assert beside in verdict.marks
    bad = replace(metered(TOTAL_J / 1.05), disturbances=(beside,))
    assert judge_mixed_workload(model, bad, 0.03).outcome is Outcome.FAIL
