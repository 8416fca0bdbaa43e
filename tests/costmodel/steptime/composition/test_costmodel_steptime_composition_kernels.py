"""Kernels are found by their operation or widths, and what is missing is named."""

import numpy as np
import pytest

from moeprof.costmodel.steptime.composition.kernels import ModelKernels
from moeprof.costmodel.steptime.composition.products import Product, products_of
from moeprof.store.errors import BadInput
from moeprof.tests.builders import make_model, make_points
from moeprof.tests.costmodel.steptime.composition.h200_kernels import (
    curve,
    curves,
    h200_kernels,
    kernel_model,
    product_us,
)
from moeprof.tests.costmodel.steptime.whole_models import LLAMA_3_8B, served

QKV = products_of(served(LLAMA_3_8B, "H200"))[0]


def test_a_product_is_looked_up_by_its_widths_at_whole_tokens() -> None:
    found = h200_kernels().product_us(QKV, np.asarray([0.3, 16.4, 64.0, 16.0]))
    us = product_us(6144, 4096)
    assert found == pytest.approx([us(1), us(16), us(64), us(16)], rel=1e-4)


def test_its_own_operation_counts_before_one_of_its_widths() -> None:
    own = curve("qkv", QKV.shape, lambda tokens: 100.0 + tokens)
    kernels = ModelKernels(kernel_model(own, *curves(LLAMA_3_8B)))
    assert kernels.product_us(QKV, np.asarray([16.0])) == pytest.approx([116])


def test_a_product_far_from_all_measured_ones_is_named() -> None:
    far = Product(1, 32, 32, "w13", (32, 16), "bf16")
    with pytest.raises(BadInput, match="the kernel model has no w13 of 32 x 32") as caught:
        h200_kernels().product_us(far, np.ones(1))
    assert "import or profile these shapes" in caught.value.hint


def test_a_batch_far_beyond_the_measured_ones_is_refused() -> None:
    with pytest.raises(BadInput, match=r"no qkv of 6144 x 4096: .* batch size 1000000"):
        h200_kernels().product_us(QKV, np.asarray([1e6]))


def test_other_arithmetic_counts_by_the_ratio_of_peak_rates() -> None:
    kernels = h200_kernels()
    assert (kernels.arithmetic, kernels.rate_ratio("bf16")) == ("bf16", 1)
    assert kernels.rate_ratio("fp8") == pytest.approx(0.5)
    assert kernels.rate_ratio("fp4") == 1  # an H200 computes it in bf16


def test_kernels_of_another_gpu_are_refused() -> None:
    h200_kernels().check_gpu(served(LLAMA_3_8B, "H200"))
    with pytest.raises(BadInput, match="is of NVIDIA H200, and the steps are of H100"):
        h200_kernels().check_gpu(served(LLAMA_3_8B, "H100"))


def test_kernels_of_a_cpu_and_of_float32_are_refused() -> None:
    with pytest.raises(BadInput, match="the kernel model: the GPU 'Some CPU' is unknown"):
        ModelKernels(make_model(make_points(float, [1, 2, 4])))
    with pytest.raises(BadInput, match="is of float32, and engines compute in bf16 and fp8"):
        ModelKernels(kernel_model(curve("gemm", (8, 4), float, dtype="float32")))
