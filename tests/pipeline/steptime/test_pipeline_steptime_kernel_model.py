"""Kernels come from a cost model's file or its run, and others are refused by name."""

from pathlib import Path

import pytest

from moeprof.pipeline.steptime.kernel_model import kernels_of
from moeprof.store.errors import BadInput
from moeprof.store.recording import sha256_of
from moeprof.tests.costmodel.steptime.composition.kernel_folder import kernel_file

REFERENCE = Path(__file__).parents[3] / "artifacts" / "reference" / "cpu-small"


def test_a_file_and_its_folder_are_the_same_kernels(tmp_path: Path) -> None:
    path = kernel_file(tmp_path)
    for given in (path, tmp_path):
        found = kernels_of(given)
        assert (found.device, found.sha256) == ("NVIDIA H200", sha256_of(path))


def test_a_model_of_a_cpu_is_refused() -> None:
    with pytest.raises(BadInput, match=r"cpu-small.*the kernel model: the GPU .* is unknown"):
        kernels_of(REFERENCE)
