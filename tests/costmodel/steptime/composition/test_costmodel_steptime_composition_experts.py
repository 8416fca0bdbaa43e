"""Experts are told by a measured layer at active experts, or by tokens dealt out in turns."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.model import KernelCostModel
from moeprof.costmodel.steptime.composition.experts import experts_us
from moeprof.costmodel.steptime.composition.kernels import ModelKernels
from moeprof.store.errors import BadInput
from moeprof.store.serving.whole_model import Experts, WholeModel
from moeprof.tests.builders import make_provenance
from moeprof.tests.costmodel.layer.gated_models import LAYER, gated_file
from moeprof.tests.costmodel.steptime.composition import h200_kernels
from moeprof.tests.costmodel.steptime.whole_models import DEEPSEEK_V3, MIXTRAL_8X7B

TINY = WholeModel("tiny", 2, 8, 2, 2, 4, 0, 100, full_layers=2, experts=Experts(16, 2, 4, layers=2))


def test_tokens_dealt_out_in_turns_read_as_many_experts_as_they_can() -> None:
    kernels = h200_kernels.h200_kernels()
    tokens = np.asarray([1.0, 2.0, 64.0])
    us, read = experts_us(kernels, MIXTRAL_8X7B, tokens, np.asarray([2.0, 3.0, 6.0]))
    assert read.tolist() == [2, 4, 8]
    assert us == pytest.approx([h200_kernels.experts_us(MIXTRAL_8X7B)(m) for m in (1, 2, 64)], 1e-4)


def test_a_measured_layer_answers_at_the_active_experts() -> None:
    layer = replace(LAYER, dtype="bfloat16")
    file = gated_file("uniform", layer=layer, dtype="bfloat16")
    file = replace(file, provenance=make_provenance("cuda", device_name="NVIDIA H200"))
    kernels = ModelKernels(KernelCostModel.from_file(file))
    tokens = np.full(3, 16.0)
    us, read = experts_us(kernels, TINY, tokens, np.asarray([1.0, 8.2, 40.0]))
    assert read.tolist() == [2, 8, 16]  # 2 at least, of 16
    assert us[0] < us[1] < us[2]
    assert us[2] - us[0] == pytest.approx(2 * 20 * 14, rel=0.1)  # two grouped kernels


def test_experts_that_were_not_measured_are_named() -> None:
    with pytest.raises(BadInput, match="no experts of 7168 x 2048, 8 of 256"):
        experts_us(h200_kernels.h200_kernels(), DEEPSEEK_V3, np.ones(1), np.ones(1))
