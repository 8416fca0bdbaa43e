"""Weights over the link of the host, counted by hand."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.steptime.engine.offload import offload_us
from moeprof.costmodel.steptime.engine.settings import EngineSettings
from moeprof.tests.costmodel.steptime.whole_models import (
    LLAMA_3_8B,
    MIXTRAL_8X7B,
    decode_steps,
    mixed_steps,
    served,
)


def test_nothing_offloaded_takes_no_longer() -> None:
    assert offload_us(served(), decode_steps([1.0, 64.0]), EngineSettings()).tolist() == [0, 0]


def test_a_dense_model_reads_its_share_over_pcie_in_every_step() -> None:
    """Half of 16.06 GB lie there: half of the 15.01 GB of a step, at 64 in place of 3350 GB/s."""
    settings = EngineSettings(cpu_offload_bytes=8.03e9)
    found = offload_us(served(LLAMA_3_8B), decode_steps([1.0, 64.0]), settings)
    per_step = 0.5 * 15.01e9 * (1 / 64e9 - 1 / 3350e9) * 1e6
    assert found == pytest.approx([per_step, per_step], rel=0.002)


def test_experts_that_get_no_token_are_not_read() -> None:
    settings = EngineSettings(cpu_offload_bytes=20e9)
    on_gpu = served(MIXTRAL_8X7B, "H200")
    one, many = offload_us(on_gpu, decode_steps([1.0, 512.0]), settings)
    prefill = offload_us(on_gpu, mixed_steps([400.0]), settings)[0]
    assert one / many == pytest.approx(12.9 / 46.7, rel=0.02)  # billions of active parameters
    assert prefill == pytest.approx(many, rel=0.001)


def test_a_link_within_the_package_is_faster_than_pcie() -> None:
    """Two GPUs of a GB200 share 450 GB/s in one direction."""
    settings = EngineSettings(cpu_offload_bytes=4e9)
    step = decode_steps([1.0])
    pcie, c2c = (offload_us(served(gpu=name), step, settings)[0] for name in ("B200", "GB200"))
    assert pcie / c2c == pytest.approx((8000 / 64 - 1) / (8000 / 225 - 1))


def test_named_experts_take_the_place_of_the_expected_ones() -> None:
    settings = EngineSettings(cpu_offload_bytes=20e9)
    step = replace(decode_steps([512.0]), active_experts=np.asarray([2.0]))
    found = offload_us(served(MIXTRAL_8X7B, "H200"), step, settings)[0]
    assert found == offload_us(served(MIXTRAL_8X7B, "H200"), decode_steps([1.0]), settings)[0]
