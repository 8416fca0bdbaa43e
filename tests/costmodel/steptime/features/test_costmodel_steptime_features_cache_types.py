"""Bytes of a value of the cache by the names that vLLM gives types."""

import pytest

from moeprof.costmodel.steptime.features.cache_types import kv_value_bytes
from moeprof.store.errors import BadInput


@pytest.mark.parametrize(("name", "size"), [("auto", 2), ("bf16", 2), ("fp8", 1), ("FP8_E4M3", 1)])
def test_a_type_has_a_size(name: str, size: float) -> None:
    assert kv_value_bytes(name) == size


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(BadInput, match="'fp4' of the cache is unknown"):
        kv_value_bytes("fp4")
