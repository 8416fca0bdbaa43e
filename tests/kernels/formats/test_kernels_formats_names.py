"""The sizes of formats, and what the refusal of an unknown one says."""

import pytest

from moeprof.kernels.formats.names import FORMATS, sizes_of
from moeprof.store.errors import BadInput


def test_a_known_format_has_its_bits() -> None:
    assert {name: sizes_of(name).bits for name in ("int8", "fp8_block", "mxfp4")} == {
        "int8": 8, "fp8_block": 8, "mxfp4": 4,
    }  # fmt: skip


def test_a_format_without_a_kernel_is_refused_with_what_it_would_need() -> None:
    with pytest.raises(BadInput, match="no kernel for weights of 'nvfp4'") as refused:
        sizes_of("nvfp4")
    assert "nvfp4 would need a scale of e4m3 for 16 weights" in str(refused.value.hint)


def test_any_other_word_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadInput, match="no kernel for weights of 'fp9'") as refused:
        sizes_of("fp9")
    assert str(refused.value.hint) == f"known: {', '.join(FORMATS)}"
