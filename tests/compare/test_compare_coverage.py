"""Whether a measured value is inside the intervals of the model."""

from math import exp, hypot

import pytest

from moeprof.compare.coverage import PERCENTS, inside_intervals
from moeprof.compare.fitted import Fitted
from moeprof.costmodel.model import Cost
from moeprof.store.cost_model import Domain

TIME = {50: 0.02, 80: 0.05, 95: 0.1}
POWER_95 = 0.04


def the_fit() -> Fitted:
    """A curve whose every cost is 100 us at 300 W, with these intervals."""
    return Fitted(
        op="fc1",
        domain=Domain(1, 64),
        energy_reason=None,
        heat_reason="",
        cost=lambda tokens: the_cost(),
        interval_us=lambda _, percent: (100 / exp(TIME[percent]), 100 * exp(TIME[percent])),
    )


def the_cost(energy_known: bool = True) -> Cost:
    return Cost(
        op="fc1",
        tokens=8,
        latency_us=100.0,
        latency_us_lo=100.0 / exp(TIME[95]),
        latency_us_hi=100.0 * exp(TIME[95]),
        energy_mj=30.0,
        power_w=300.0,
        temp_rise_c=None,
        energy_source="simulated",
        energy_reason=None,
        source="wall",
        measured=False,
        extrapolated=False,
        energy_mj_hi=30.0 * exp(hypot(TIME[95], POWER_95)) if energy_known else None,
    )


def found(metric: str, measured: float, energy_known: bool = True) -> dict[int, bool | None]:
    return inside_intervals(the_fit(), the_cost(energy_known), metric, measured)


@pytest.mark.parametrize(
    ("off_by", "inside"),
    [
        (0.01, {50: True, 80: True, 95: True}),
        (-0.03, {50: False, 80: True, 95: True}),
        (0.06, {50: False, 80: False, 95: True}),
        (-0.11, {50: False, 80: False, 95: False}),
    ],
)
def test_a_latency_is_compared_with_the_intervals_of_the_model(
    off_by: float, inside: dict[int, bool]
) -> None:
    assert found("latency", 100.0 * exp(off_by)) == inside


def test_a_power_is_compared_with_the_energy_s_interval_without_the_time_s() -> None:
    assert found("power", 300.0 * exp(0.99 * POWER_95))[95] is True
    assert found("power", 300.0 * exp(1.01 * POWER_95))[95] is False
    assert found("power", 300.0 * exp(0.66 * POWER_95))[80] is False  # 1.2816 / 1.96
    assert found("power", 300.0 * exp(0.65 * POWER_95))[80] is True


def test_an_energy_is_compared_with_both_in_quadrature() -> None:
    half = hypot(TIME[50], 0.344 * POWER_95)
    assert found("energy", 30.0 * exp(0.99 * half))[50] is True
    assert found("energy", 30.0 * exp(1.01 * half))[50] is False


def test_without_an_interval_nothing_is_inside_or_outside() -> None:
    assert found("energy", 30.0, energy_known=False) == dict.fromkeys(PERCENTS)
    assert found("power", 300.0, energy_known=False) == dict.fromkeys(PERCENTS)
