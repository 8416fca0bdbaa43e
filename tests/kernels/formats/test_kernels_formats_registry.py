"""Each name gives its format, which makes weights of the bits and groups that the name says."""

import pytest
import torch

from moeprof.kernels.formats.names import FORMATS
from moeprof.kernels.formats.registry import format_named
from moeprof.kernels.packing import layout_of
from moeprof.store.errors import BadInput


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_makes_weights_as_its_name_says(name: str) -> None:
    own = format_named(name, 64).quantise(torch.randn(128, 256), torch.float32)
    layout = layout_of(own.packed, own.scales, 256, own.zeros, own.codes)
    sizes = FORMATS[name]
    group = {None: 64, 0: 256}.get(sizes.group, sizes.group)
    assert (layout.outputs, layout.bits, layout.group) == (128, sizes.bits, group)
    assert (own.zeros is not None) == (name == "int4_zeros")
    span = {"fp8_tensor": 128, "fp8_block": 128}.get(name, 1)
    assert layout.span == span


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(BadInput, match="no kernel for weights of 'nvfp4'"):
        format_named("nvfp4", 64)
