"""The collectors beside Kineto, each with a stand-in of its tool that runs its target."""

from collections.abc import Sequence
from pathlib import Path

import pytest

import moeprof
from moeprof.store.run import Run
from moeprof.tests.rehearsal.rehearsal import Rehearsal

BRIEFLY = ("--ops", "gelu", "--sampling", "all", "--batch-sizes", "1,16,64", "--no-power")


def latencies_us(run: Path, sizes: Sequence[int]) -> dict[int, float]:
    model = moeprof.load(run)
    return {size: model.get_cost("gelu", batch_size=size).latency_us for size in sizes}


def test_nsys_gives_the_time_of_the_kernel(
    stage: Rehearsal, profile: tuple[object, ...], tmp_path: Path
) -> None:
    """As Kineto does in the whole sweep (test_rehearsal_sweep.py)."""
    stage.put_on_path("nsys")
    swept = stage.moeprof(*profile, *BRIEFLY, "--json")
    assert swept.exit_code == 0, swept.stderr
    (run,) = (tmp_path / "runs").iterdir()
    assert {one.collector for _, one in Run(run).recordings()} == {"nsys"}
    assert stage.moeprof("build-model", run).exit_code == 0
    truth = stage.truth(run / "scripts" / "gelu.py", [1, 16, 64])
    assert latencies_us(run, [1, 16, 64]) == pytest.approx(
        {size: us for size, (us, _) in truth.items()}, rel=0.02
    )


def test_ncu_counts_the_kernels_of_each_planned_size(
    stage: Rehearsal, profile: tuple[object, ...], tmp_path: Path
) -> None:
    stage.put_on_path("ncu")
    swept = stage.moeprof(*profile, *BRIEFLY, "--collector", "ncu", "--json")
    assert swept.exit_code == 0, swept.stderr
    (op,) = swept.data["ops"]
    assert (op["measured"], op["failures"]) == (3, [])
    (run,) = (tmp_path / "runs").iterdir()
    assert stage.moeprof("parse", run).exit_code == 0
