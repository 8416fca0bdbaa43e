"""The quantization_config of a model's config.json, as the tools that quantise write it."""

from typing import Any, Final

# Size of the group that shares a scale, by quant_method of a 4-bit format that fixes it.
_FIXED_GROUP_SIZE: Final = {
    "mxfp4": 32,  # OCP Microscaling Formats, version 1.0, section 5
}
_BITS: Final = ("bits", "w_bit", "num_bits")  # GPTQ and AWQ; older AWQ; compressed-tensors
_GROUP_SIZE: Final = ("group_size", "q_group_size")  # the same


def quantization_method(quantization: Any) -> str | None:
    """The name of the method; "unnamed" for another object, None where there is none."""
    if not isinstance(quantization, dict):
        return None
    method = quantization.get("quant_method")
    return method if isinstance(method, str) and method.isprintable() else "unnamed"


def four_bit_group_size(quantization: Any) -> int | None:
    """Weights per scale of 4-bit weights; None for other bits, whole rows, and where it is unsaid.

    Of compressed-tensors the first of its config_groups counts.
    """
    if not isinstance(quantization, dict):
        return None
    method = quantization.get("quant_method")
    if isinstance(method, str) and method in _FIXED_GROUP_SIZE:
        return _FIXED_GROUP_SIZE[method]
    weights = _weights(quantization)
    bits, size = (
        next((weights[name] for name in names if name in weights), None)
        for names in (_BITS, _GROUP_SIZE)
    )
    return size if bits == 4 and type(size) is int and size > 0 else None


def _weights(quantization: dict[str, Any]) -> dict[str, Any]:
    """The part that describes the weights."""
    groups = quantization.get("config_groups")
    first = next(iter(groups.values()), None) if isinstance(groups, dict) else None
    weights = first.get("weights") if isinstance(first, dict) else None
    return weights if isinstance(weights, dict) else quantization
