"""With and without Triton, on the CPU and on a GPU: which implementation computes."""

import logging
import os
import subprocess
import sys
from types import SimpleNamespace
from typing import cast

import pytest
import torch

from moeprof.kernels import backend

WITHOUT_TRITON = """
import sys
sys.modules["triton"] = None  # what an import of a package that is not there meets
import torch
from moeprof.kernels.backend import runs_kernel
from moeprof.kernels.dequant_linear import dequant_linear
from moeprof.benchmarks.compiled.static import MIXTRAL_FC1, dequant_linear_code, topk_code
from moeprof.kernels.topk import topk
from moeprof.store.errors import BadInput
assert not runs_kernel(torch.ones(1))
assert topk(torch.ones(1, 4), 2)[1].tolist() == [[0, 1]]
packed = torch.zeros(1, 1, 32, 4).int()
for code in (lambda: topk_code(8, 2, 90), lambda: dequant_linear_code(MIXTRAL_FC1, 1, 90)):
    try:
        code()
    except BadInput as reason:
        assert "triton is not installed" in str(reason)
    else:
        raise AssertionError
assert dequant_linear(torch.ones(1, 8), packed, torch.ones(1, 1)).item() == -64
"""


def test_a_tensor_on_the_cpu_goes_to_the_reference() -> None:
    assert not backend.runs_kernel(torch.ones(1))


def test_a_kernel_is_launched_on_the_gpu_of_its_tensor() -> None:
    on_second = cast(torch.Tensor, SimpleNamespace(is_cuda=True, get_device=lambda: 1))
    assert backend.gpu_of(on_second).idx == 1


def test_a_tensor_on_the_cpu_leaves_the_current_gpu_alone() -> None:
    with backend.gpu_of(torch.ones(1)):
        pass


def test_kernels_import_and_compute_without_triton() -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONSAFEPATH": "1"}
    subprocess.run([sys.executable, "-c", WITHOUT_TRITON], env=environment, check=True)


def test_without_triton_a_gpu_tensor_goes_to_the_reference_and_the_log_says_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(backend, "triton", None)
    backend.warn_that_triton_is_missing.cache_clear()
    on_gpu = cast(torch.Tensor, SimpleNamespace(is_cuda=True))
    with caplog.at_level(logging.WARNING):
        assert [backend.runs_kernel(on_gpu), backend.runs_kernel(on_gpu)] == [False, False]
    assert len(caplog.records) == 1
