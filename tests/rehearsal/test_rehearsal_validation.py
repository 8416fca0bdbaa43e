"""`validate --against nvml`: held-out sizes under load, and the mixed workload, on the GPU."""

from pathlib import Path

import pytest

from moeprof.tests.rehearsal.rehearsal import Rehearsal


def test_held_out_loads_and_a_mixed_workload_are_measured_as_they_truly_are(
    stage: Rehearsal, profile: tuple[object, ...], tmp_path: Path
) -> None:
    """A budget so short pays for three loaded sizes: the model between them is not judged here."""
    store = tmp_path / "runs"
    swept = stage.moeprof(*profile, "--ops", "fc2", "--budget", "40s", "--json")
    assert swept.exit_code in (0, 4), swept.stderr
    assert stage.moeprof("build-model", "--store", store).exit_code == 0
    verdict = stage.moeprof("validate", "--against", "nvml", "--store", store, "--json")
    assert verdict.exit_code in (0, 1, 125), verdict.stderr
    (run,) = store.iterdir()
    (points,) = (one["points"] for one in verdict.data["curves"] if one["metric"] == "energy")
    truth = stage.truth(run / "scripts" / "fc2.py", [point["tokens"] for point in points])
    for point in points:
        assert point["measured"] == pytest.approx(truth[point["tokens"]][1], rel=0.01)
    replay = verdict.data["replay"]
    assert replay["power_coverage"] == 1
    assert abs(replay["error"]) < 0.05
