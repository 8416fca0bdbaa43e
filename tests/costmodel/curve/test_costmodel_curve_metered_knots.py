"""Energy fields come from the metered knots; the reason of the others is kept."""

from typing import Any

import pytest

from moeprof.costmodel.curve.metered_knots import energies
from moeprof.energy.point_energies import NO_ANCHOR
from moeprof.store.errors import BadInput


def knot(tokens: int, energy_mj: float | None = None, **changed: Any) -> dict[str, Any]:
    known = energy_mj is not None
    return {
        "tokens": tokens,
        "latency_us": 100.0,
        "energy_mj": energy_mj,
        "energy_mj_ci95": 0.5 if known else None,
        "energy_source": "nvml_counter" if known else "unavailable",
        "energy_reason": None if known else NO_ANCHOR,
        "latency_sustained_us": 125.0 if known else None,
        "idle_power_w": 80.0,
    } | changed


def test_two_metered_knots_give_energy_its_interval_and_the_ratio() -> None:
    fields, places = energies("fc1", [knot(1, 10.0), knot(8), knot(64, 20.0)])
    assert places == [0, 2]
    assert fields["energy_mj"] == (10.0, 20.0)
    assert fields["energy_ci95"] == (0.05, 0.025)
    assert fields["sustained_ratio"] == (1.25, 1.25)
    assert (fields["energy_source"], fields["idle_power_w"]) == ("nvml_counter", 80.0)
    assert fields["energy_reason"] == f"1 of 3 points lack it: {NO_ANCHOR}"


def test_below_two_there_is_the_reason_alone() -> None:
    fields, places = energies("fc1", [knot(1), knot(8)])
    assert (fields["energy_mj"], fields["energy_reason"], places) == (None, NO_ANCHOR, [])


def test_one_unknown_interval_or_time_leaves_all_unknown() -> None:
    rows = [knot(1, 10.0, energy_mj_ci95=None), knot(8, 20.0, latency_sustained_us=None)]
    fields, _ = energies("fc1", rows)
    assert (fields["energy_ci95"], fields["sustained_ratio"]) == (None, None)


@pytest.mark.parametrize("energy_mj", [0.0, -1.0, float("inf")])
def test_an_energy_that_is_not_positive_and_finite_is_refused(energy_mj: float) -> None:
    with pytest.raises(
        BadInput, match=f"energy_mj of fc1 at batch size 8 is {energy_mj}"
    ) as caught:
        energies("fc1", [knot(1, 10.0), knot(8, energy_mj)])
    assert caught.value.hint
