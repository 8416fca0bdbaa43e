"""dequant_linear on the CPU: what it computes, its gradient, its operator, and what it refuses."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from moeprof.kernels.activation import REFERENCES
from moeprof.kernels.dequant_linear import dequant_linear
from moeprof.kernels.formats.registry import format_named
from moeprof.kernels.packing import dequantise, pack
from moeprof.store.errors import BadInput

X = torch.ones(3, 64)
PACKED = torch.zeros(1, 1, 32, 4, dtype=torch.int32)
SCALES = torch.ones(2, 16)


def test_the_triton_kernel_gives_what_the_reference_gives(
    interpreted: Callable[[str], None],
) -> None:
    interpreted("interpreted_dequant_linear.py")


def test_the_triton_kernels_read_floating_point_weights(interpreted: Callable[[str], None]) -> None:
    interpreted("interpreted_float_codes.py")


@pytest.mark.parametrize("activation", REFERENCES)
def test_it_is_a_linear_layer_on_the_weights_that_were_packed(activation: str) -> None:
    torch.manual_seed(0)
    q = torch.randint(0, 16, (6, 32))
    scales, bias, x = torch.rand(2, 6), torch.randn(6), torch.randn(3, 32)
    weight = (q - 8) * scales.repeat_interleave(16, dim=0).T
    y = dequant_linear(x, pack(q), scales, bias=bias, activation=activation)
    torch.testing.assert_close(y, REFERENCES[activation](x @ weight.T + bias))


@pytest.mark.parametrize("activation", REFERENCES)
def test_its_gradient_is_that_of_x(activation: str) -> None:
    torch.manual_seed(0)
    packed, scales = pack(torch.randint(0, 256, (16, 32)), 8), torch.rand(2, 16) / 64
    zeros, x = torch.full((2, 16), 100.0), torch.randn(3, 32, requires_grad=True)
    dequant_linear(x, packed, scales, zeros, activation=activation).square().sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    weight = (unpacked_8(packed) - 100) * scales.repeat_interleave(16, dim=0).T
    other = x.detach().requires_grad_()
    REFERENCES[activation](other @ weight.T).square().sum().backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(x.grad, other.grad)


def unpacked_8(packed: torch.Tensor) -> torch.Tensor:
    from moeprof.kernels.packing import unpack

    return unpack(packed, (16, 32)).float()


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # by opcheck of torch 2.14
def test_torch_sees_one_well_behaved_operator() -> None:
    operator = torch.ops.moeprof.dequant_linear.default
    x = torch.randn(3, 64, requires_grad=True)
    torch.library.opcheck(operator, (x, PACKED, SCALES, None, torch.ones(16), "silu", "integer"))


@pytest.mark.parametrize("name", ["fp8_block", "mxfp4"])
def test_floating_point_weights_give_the_product_of_their_values(name: str) -> None:
    torch.manual_seed(0)
    own = format_named(name, 0).quantise(torch.randn(128, 128), torch.float32)
    weight = dequantise(own.packed, own.scales, 128, codes=own.codes, dtype=torch.float32)
    x = torch.randn(3, 128, requires_grad=True)
    y = dequant_linear(x, own.packed, own.scales, codes=own.codes)
    torch.testing.assert_close(y, x @ weight.T)
    (slope,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(slope, weight.sum(0).expand(3, -1))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"codes": "e3m0"}, "codes is 'e3m0'"),
        ({"codes": "e4m3"}, "packed holds 4 bits a weight"),
        ({"codes": "e2m1"}, "scales of e2m1 must be uint8"),
        ({"codes": "e2m1", "scales": torch.ones(3, 16, dtype=torch.uint8)}, "divide N = 16"),
        ({"codes": "e2m1", "zeros": SCALES}, "e2m1 have no zero points"),
    ],
)
def test_codes_that_do_not_fit_their_weights_are_refused(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        dequant_linear(X, **({"packed": PACKED, "scales": SCALES} | changes))


def test_an_export_holds_the_operator() -> None:
    class Layer(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return dequant_linear(x, PACKED, SCALES)

    tokens = torch.export.Dim("tokens", min=2, max=512)
    exported = torch.export.export(Layer(), (X,), dynamic_shapes={"x": {0: tokens}})
    assert "torch.ops.moeprof.dequant_linear" in exported.graph_module.code
    assert torch.equal(exported.module()(X), dequant_linear(X, PACKED, SCALES))


def test_an_empty_batch_gives_an_empty_result() -> None:
    assert dequant_linear(X[:0], PACKED, SCALES).shape == (0, 16)
