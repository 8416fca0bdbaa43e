"""Rows and goals of a benchmark's document as costs."""

import math
from typing import Any

import pytest

from moeprof.compare.regression.from_benchmark import side_of_benchmark
from moeprof.store.errors import BadInput


def body(*rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"rows": list(rows), **more}


def test_times_energies_and_powers_are_costs_with_their_intervals() -> None:
    time = {"benchmark": "kernels", "name": "fc1 time", "value": 0.01, "unit": "ms"}
    energy = {"name": "fc1 energy", "value": 2.0, "unit": "mJ", "interval": [1.9, 2.1]}
    side = side_of_benchmark("a.json", "digest", body(time, energy))
    assert side.values["latency"][("kernels fc1 time", None)].value == 10.0
    half = side.values["energy"][("fc1 energy", None)].half_95
    assert half == pytest.approx(0.05, abs=0.001)


def test_a_goal_says_whether_less_is_better() -> None:
    goals = [
        {"name": "speed", "value": 4.0, "unit": "x", "goal": 3.0, "met": True},
        {"name": "error", "value": 0.5, "unit": "%", "goal": "<= 1", "met": True},
        {"name": "rate", "value": 5.0, "unit": "1/s", "goal": 9.0, "met": False},
    ]
    side = side_of_benchmark("a.json", "digest", {"goals": goals})
    assert side.values["goals in x"][("speed", None)].value == 0.25
    assert side.values["goals in %"][("error", None)].value == 0.5
    assert side.values["goals in 1/s"][("rate", None)].value == 0.2


def test_what_has_no_value_is_left_out() -> None:
    given: list[dict[str, Any]] = [
        {"name": "a", "value": None, "unit": "us"},
        {"name": "b", "value": 0.0, "unit": "us"},
        {"name": "c", "value": True, "unit": "us"},
        {"name": "d", "value": 1.0, "unit": "ratio"},
        {"name": "e", "value": math.nan, "unit": "us"},
        {"name": "f", "value": math.inf, "unit": "us"},
        {"name": "g", "value": 10**400, "unit": "us"},
        {"name": "h", "value": "1.0", "unit": "us"},
        {"name": "i", "value": 1.0, "unit": "us", "benchmark": 5},
        {"case": "a row of another form", "s": 1.0},
    ]
    with pytest.raises(BadInput, match="holds no row and no goal"):
        side_of_benchmark("a.json", "digest", body(*given))


@pytest.mark.parametrize(
    "interval", [["a", "b"], [1.0], [2.0, 1.0], [0.0, 1.0], [1.0, 10**400], {}]
)
def test_what_is_no_interval_is_none(interval: object) -> None:
    row = {"name": "a", "value": 1.0, "unit": "us", "interval": interval}
    side = side_of_benchmark("a.json", "digest", body(row))
    assert side.values["latency"][("a", None)].half_95 is None


def test_the_machine_is_a_condition() -> None:
    row = {"name": "a", "value": 1.0, "unit": "us"}
    side = side_of_benchmark("a.json", "digest", body(row, machine={"cpu": "EPYC"}))
    assert side.conditions == {"cpu": "EPYC"}
    assert side_of_benchmark("a.json", "digest", body(row, machine="x86_64")).conditions == {}
