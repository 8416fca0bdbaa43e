"""torch._grouped_mm for real: it has a kernel for the CPU."""

from dataclasses import replace

import pytest
import torch

from moeprof.scenarios.engines.torch_grouped_mm import OPERATION
from moeprof.tests.scenarios.engines.stand_ins import LAYER, assert_computes


@pytest.mark.parametrize("activation", ["silu", "gelu", "clipped"])
def test_torch_computes_the_routed_experts(activation: str) -> None:
    assert_computes(OPERATION, replace(LAYER, activation=activation))


def test_it_computes_in_the_dtype_of_a_layer() -> None:
    inputs = OPERATION.make_inputs(
        lambda shape, dtype=torch.bfloat16: torch.ones(shape, dtype=dtype),
        4,
        **OPERATION.sizes(LAYER),
    )
    assert OPERATION.run(*inputs).dtype == torch.bfloat16  # type: ignore[attr-defined]
