"""An engine: which versions it knows, and what it says where it cannot be measured."""

from dataclasses import replace

import pytest
import torch

from moeprof.scenarios.engines import flashinfer, vllm
from moeprof.scenarios.engines.engine import Engine, installed_version
from moeprof.scenarios.ops.layer import routed_experts
from moeprof.store.errors import BadInput
from moeprof.tests.scenarios.engines.stand_ins import LAYER


def made(version: str | None) -> Engine:
    """An engine that is installed in this version, and runs on a CPU too."""
    return Engine(
        package="grouped",
        first="0.11.2",
        last="0.33.0",
        activations=("silu",),
        needs_cuda=False,
        version=lambda _: version,
    )


@pytest.mark.parametrize(
    "version", ["0.11.2", "0.12.0", "0.33.0", "0.33.0.post1", "0.32.1rc2.dev7+g0a1b2c3", "0.20"]
)
def test_versions_from_the_first_to_the_last_are_known(version: str) -> None:
    assert made(version).absence() is None


@pytest.mark.parametrize("version", ["0.11.1", "0.33.1", "0.34.0", "1.0", "dev", "0.9.9"])
def test_a_version_outside_is_named_with_those_that_are_known(version: str) -> None:
    assert made(version).absence() == (
        f"grouped {version} is installed, and it needs grouped 0.11.2 to 0.33.0"
    )


def test_a_package_that_is_not_here_is_named_with_what_is_needed() -> None:
    needed = "it needs grouped 0.11.2 to 0.33.0"
    assert made(None).absence() == f"grouped is not installed, and {needed}"
    on_gpu = replace(made("0.12.0"), needs_cuda=True).absence()
    assert on_gpu in (None, f"torch sees no GPU, and {needed} and an NVIDIA GPU")
    assert (on_gpu is None) == torch.cuda.is_available()


def test_an_engine_of_gpus_is_not_measured_on_a_cpu_beside_them() -> None:
    on_gpu = replace(made("0.12.0"), needs_cuda=True)
    needed = "it needs grouped 0.11.2 to 0.33.0 and an NVIDIA GPU"
    assert on_gpu.absence("cpu") == f"the device is cpu, and {needed}"
    assert on_gpu.absence("cuda:0") == on_gpu.absence()
    assert made("0.12.0").absence("cpu") is None


def test_the_way_out_is_a_known_version_or_a_gpu() -> None:
    for version in (None, "0.34.0"):
        assert made(version).way_out() == "pip install 'grouped==0.33.0'"
    assert replace(made(None), remedy="build it").way_out() == "build it"
    assert "NVIDIA GPU" in made("0.12.0").way_out()


def test_what_is_installed_is_asked_of_the_package_s_own_data() -> None:
    assert installed_version("torch") == torch.__version__
    assert installed_version("no-such-package-here") is None


def test_a_layer_that_the_kernels_do_not_compute_is_refused_by_name() -> None:
    assert made("0.12.0").unfit(LAYER) is None
    gelu, single = replace(LAYER, activation="gelu"), replace(LAYER, dtype="float32")
    assert made("0.12.0").unfit(gelu) == "grouped computes the activation silu here, not gelu"
    assert (
        made("0.12.0").unfit(single)
        == "grouped computes the dtype bfloat16 or float16 here, not float32"
    )
    with pytest.raises(BadInput, match=r"flashinfer_fused_moe cannot be measured for odd: .* gelu"):
        flashinfer.OPERATION.scenario(gelu, 5, "bfloat16", "cold")


def test_the_scenario_is_that_of_our_routed_experts() -> None:
    own = routed_experts.PLAIN.scenario(LAYER, 5, "bfloat16", "cold")
    theirs = vllm.OPERATION.scenario(LAYER, 5, "bfloat16", "cold")
    assert theirs == replace(own, op="vllm_fused_experts")
