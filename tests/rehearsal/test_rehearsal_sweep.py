"""A whole sweep on a GPU without faults, from `profile` to both verdicts, against what is true."""

from pathlib import Path
from typing import Any

import pytest

import moeprof
from moeprof.tests.rehearsal.rehearsal import Rehearsal

SIZES = range(1, 65)

Truth = dict[int, tuple[float, float]]  # us and mJ of a call, by batch size


def test_a_sweep_finds_what_each_call_truly_costs(
    stage: Rehearsal, profile: tuple[object, ...], tmp_path: Path
) -> None:
    """Times under Kineto, energy by the counter, a model, and both verdicts.

    The second verdict is on sizes and a mixed workload that are measured for it.
    """
    store = tmp_path / "runs"
    swept = stage.moeprof(*profile, "--ops", "fc1", "--budget", "60s", "--json")
    assert swept.exit_code == 0, swept.stderr
    assert stage.moeprof("build-model", "--store", store).exit_code == 0
    verdict = stage.moeprof("validate", "--store", store, "--json")
    assert verdict.exit_code == 0, verdict.stdout
    (run,) = store.iterdir()
    truth = stage.truth(run / "scripts" / "fc1.py", SIZES)
    _check_model(moeprof.load(run), truth)
    measured = stage.moeprof("validate", "--against", "nvml", "--store", store, "--json")
    assert measured.exit_code in (0, 125), measured.stderr
    _check_measured(measured.data, truth)


def _check_model(model: moeprof.KernelCostModel, truth: Truth) -> None:
    costs = {size: model.get_cost("fc1", batch_size=size) for size in truth}
    inside = [
        cost.latency_us_lo <= truth[size][0] <= cost.latency_us_hi for size, cost in costs.items()
    ]
    assert sum(inside) >= 0.9 * len(truth)
    for size, cost in costs.items():
        assert cost.latency_us == pytest.approx(truth[size][0], rel=0.1)
        assert cost.energy_mj == pytest.approx(truth[size][1], rel=0.1)


def _check_measured(verdict: dict[str, Any], truth: Truth) -> None:
    (points,) = (one["points"] for one in verdict["curves"] if one["metric"] == "energy")
    assert points
    for point in points:
        assert point["measured"] == pytest.approx(truth[point["tokens"]][1], rel=0.01)
    replay = verdict["replay"]
    assert replay["power_coverage"] == 1
    assert abs(replay["error"]) < 0.05
