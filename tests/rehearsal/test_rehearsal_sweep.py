"""A whole sweep on a GPU without faults, from `profile` to a verdict, against what is true."""

from pathlib import Path

import pytest

import moeprof
from moeprof.tests.rehearsal.rehearsal import Rehearsal

SIZES = range(1, 65)


def test_a_sweep_finds_what_each_call_truly_costs(
    stage: Rehearsal, profile: tuple[object, ...], tmp_path: Path
) -> None:
    """Times under Kineto, energy by the counter, a model, and a verdict on held-out sizes."""
    store = tmp_path / "runs"
    swept = stage.moeprof(*profile, "--ops", "fc1", "--budget", "60s", "--json")
    assert swept.exit_code == 0, swept.stderr
    assert stage.moeprof("build-model", "--store", store).exit_code == 0
    verdict = stage.moeprof("validate", "--store", store, "--json")
    assert verdict.exit_code == 0, verdict.stdout
    (run,) = store.iterdir()
    model = moeprof.load(run)
    for op in ("fc1",):
        truth = stage.truth(run / "scripts" / f"{op}.py", SIZES)
        costs = {size: model.get_cost(op, batch_size=size) for size in SIZES}
        inside = [
            costs[size].latency_us_lo <= truth[size][0] <= costs[size].latency_us_hi
            for size in SIZES
        ]
        assert sum(inside) >= 0.9 * len(SIZES)
        for size in SIZES:
            assert costs[size].latency_us == pytest.approx(truth[size][0], rel=0.1)
            assert costs[size].energy_mj == pytest.approx(truth[size][1], rel=0.1)
