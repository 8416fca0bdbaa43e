"""One sweep per GPU at a time."""

from dataclasses import replace
from uuid import uuid4

import pytest

from moeprof.profiler.lock import sole_use
from moeprof.store.errors import BadInput
from moeprof.store.provenance import Gpu, Provenance
from moeprof.tests.profiler.worlds import PROVENANCE


@pytest.fixture
def on_a_gpu() -> Provenance:
    gpu = Gpu(0, "NVIDIA Test", f"GPU-{uuid4()}", None, None, None, None, None, None, None)
    return replace(PROVENANCE, gpu=gpu)


def test_a_second_sweep_on_the_same_gpu_is_refused(on_a_gpu: Provenance) -> None:
    with (
        sole_use(on_a_gpu),
        pytest.raises(BadInput, match="another sweep is measuring NVIDIA Test"),
        sole_use(on_a_gpu),
    ):
        pass


def test_the_lock_is_free_again_afterwards(on_a_gpu: Provenance) -> None:
    for _ in range(2):
        with sole_use(on_a_gpu):
            pass


def test_the_cpu_needs_no_lock() -> None:
    with sole_use(PROVENANCE), sole_use(PROVENANCE):
        pass
