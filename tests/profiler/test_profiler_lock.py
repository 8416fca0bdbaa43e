"""One sweep at a time, per GPU and per run."""

from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from moeprof.profiler.lock import exclusive_lock
from moeprof.store.errors import BadInput
from moeprof.store.provenance import Gpu, Provenance
from moeprof.store.run import Run
from moeprof.tests.profiler.worlds import PROVENANCE


@pytest.fixture
def on_a_gpu() -> Provenance:
    gpu = Gpu(0, "NVIDIA Test", f"GPU-{uuid4()}", None, None, None, None, None, None, None)
    return replace(PROVENANCE, gpu=gpu)


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Run, Run]:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    return Run(tmp_path / "one"), Run(tmp_path / "other")


def test_a_second_sweep_on_the_same_gpu_is_refused(
    on_a_gpu: Provenance, runs: tuple[Run, Run]
) -> None:
    with (
        exclusive_lock(on_a_gpu, runs[0]),
        pytest.raises(BadInput, match="another sweep is measuring NVIDIA Test"),
        exclusive_lock(on_a_gpu, runs[1]),
    ):
        pass


def test_a_second_sweep_of_the_same_run_is_refused(runs: tuple[Run, Run]) -> None:
    with (
        exclusive_lock(PROVENANCE, runs[0]),
        pytest.raises(BadInput, match=r"another sweep is measuring .*one"),
        exclusive_lock(PROVENANCE, runs[0]),
    ):
        pass


def test_the_locks_are_free_again_afterwards(on_a_gpu: Provenance, runs: tuple[Run, Run]) -> None:
    for _ in range(2):
        with exclusive_lock(on_a_gpu, runs[0]):
            pass


def test_the_cpu_itself_needs_no_lock(runs: tuple[Run, Run]) -> None:
    with exclusive_lock(PROVENANCE, runs[0]), exclusive_lock(PROVENANCE, runs[1]):
        pass


def test_a_run_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(BadInput, match="cannot write") as caught,
        exclusive_lock(PROVENANCE, Run(tmp_path / "file")),
    ):
        pass
    assert caught.value.hint
