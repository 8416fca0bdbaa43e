from collections.abc import Callable
from typing import Any

import pytest
import torch

from moeprof.kernels import dequant_linear as module
from moeprof.kernels.dequant_linear import dequant_linear
from moeprof.kernels.int4 import dequant_unpack, pack, unpack
from moeprof.store.errors import BadInput

X = torch.ones(3, 16)
PACKED = torch.zeros(4, 2, dtype=torch.int32)
SCALES = torch.ones(2, 4)
SHARED_MEMORY_BYTES = 99 * 1024  # of a block on sm_86 and sm_89, the least since sm_80


def test_the_triton_kernel_gives_what_the_reference_gives(
    interpreted: Callable[[str], None],
) -> None:
    interpreted("interpreted_dequant_linear.py")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("architecture", [80, 90])
def test_the_triton_kernel_compiles_and_fits_the_gpu(
    compiles_only: Callable[..., Any], architecture: int, dtype: torch.dtype
) -> None:
    kernel = compiles_only(module, "_dequant_linear_kernel", architecture)
    dequant_linear(torch.ones(64, 16, dtype=dtype), PACKED, SCALES.to(dtype))
    (compiled,) = kernel.compiled
    assert compiled.asm["cubin"]
    assert compiled.metadata.shared <= SHARED_MEMORY_BYTES


def test_it_is_a_linear_layer_on_the_weights_that_were_packed() -> None:
    torch.manual_seed(0)
    nibbles = torch.randint(0, 16, (5, 32))
    scales = torch.rand(2, 5)
    x = torch.randn(3, 32)
    weight = (nibbles - 8) * scales.repeat_interleave(16, dim=0).T
    packed = pack(nibbles)
    assert torch.equal(unpack(packed), nibbles.to(torch.uint8))
    assert torch.equal(dequant_unpack(packed, scales), weight)
    torch.testing.assert_close(dequant_linear(x, packed, scales), x @ weight.T)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((torch.ones(3, 15), PACKED, SCALES), r"x must be \[tokens, 16\]"),
        ((X, PACKED.long(), SCALES), "packed must be int32"),
        ((X, PACKED, torch.ones(2, 5)), r"scales \[2, 5\] do not fit"),
        ((X, PACKED, torch.ones(3, 4)), r"scales \[3, 4\] do not fit"),
        ((X, PACKED, SCALES.long()), "scales must be floating point"),
        ((X.half(), PACKED, SCALES), "both must be of one dtype"),
        ((X.double(), PACKED, SCALES.double()), "float64"),
        ((X, torch.zeros(2, 4, dtype=torch.int32).T, SCALES), "contiguous"),
        ((X, PACKED, SCALES.to("meta")), "scales are on meta"),
        ((X.to("meta"), PACKED, SCALES), "x is on meta"),
    ],
)
def test_a_bad_argument_is_named(arguments: tuple[torch.Tensor, ...], named: str) -> None:
    with pytest.raises(BadInput, match=named):
        dequant_linear(*arguments)
