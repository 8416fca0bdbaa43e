"""The type of the values in the cache of keys and values."""

from typing import Final

from ....store.errors import BadInput, shortened

BF16_BYTES: Final = 2.0
# By the names of vLLM's --kv-cache-dtype. "auto" is the type of the model's activations.
_BYTES: Final = {
    "auto": BF16_BYTES, "bf16": BF16_BYTES, "bfloat16": BF16_BYTES, "fp16": BF16_BYTES,
    "float16": BF16_BYTES, "fp8": 1.0, "fp8_e4m3": 1.0, "fp8_e5m2": 1.0,
}  # fmt: skip


def kv_value_bytes(name: str) -> float:
    """Bytes of a value of the cache. Raises BadInput for an unknown type."""
    if (size := _BYTES.get(name.casefold())) is None:
        raise BadInput(
            f"the type {shortened(name)!r} of the cache is unknown",
            hint="give --kv-cache-dtype auto, which is 16 bits, or fp8",
        )
    return size
