"""The quantization_config of a model's config.json, as the tools that quantise write it."""

import re
from typing import Any, Final

# Size of the group that shares a scale, by quant_method of a 4-bit format that fixes it.
_FIXED_GROUP_SIZE: Final = {
    "mxfp4": 32,  # OCP Microscaling Formats, version 1.0, section 5
}
_BITS: Final = ("bits", "w_bit", "num_bits")  # GPTQ and AWQ; older AWQ; compressed-tensors
_GROUP_SIZE: Final = ("group_size", "q_group_size")  # the same
_FOUR_BITS: Final = re.compile("FP4|INT4|W4")  # such as NVFP4 and W4A16_AWQ


def quantization_method(quantization: Any) -> str | None:
    """The name of the experts' method; "unnamed" where it has no name, None where there is none.

    It is the algorithm that is named for the experts, else the method of the whole model.
    """
    if quantization is None:
        return None
    named: list[Any] = [quantization]
    if isinstance(quantization, dict):
        layer = _of_experts(quantization.get("quantized_layers"))
        algorithms = (layer.get("quant_algo"), quantization.get("moe_quant_algo"))
        named = [*algorithms, quantization.get("quant_method")]
    return next((one for one in named if isinstance(one, str) and one.isprintable()), "unnamed")


def four_bit_group_size(quantization: Any) -> int | None:
    """Weights per scale of 4-bit weights; None for other bits, whole rows, and where it is unsaid.

    Of a quantisation by layers or groups the one that names experts counts, else the first group.
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
    four_bits = bits == 4 or _FOUR_BITS.search(str(weights.get("quant_algo")).upper())
    return size if four_bits and type(size) is int and size > 0 else None


def _weights(quantization: dict[str, Any]) -> dict[str, Any]:
    """The part that describes the experts' weights."""
    if layer := _of_experts(quantization.get("quantized_layers")):
        return layer
    groups = quantization.get("config_groups")
    found = groups.values() if isinstance(groups, dict) else ()
    parts = [one for one in found if isinstance(one, dict)]
    named = [one for one in parts if _names_experts(one.get("targets"))]
    weights = next((one.get("weights") for one in (*named, *parts)), None)
    return weights if isinstance(weights, dict) else quantization


def _of_experts(layers: Any) -> dict[str, Any]:
    """What ModelOpt's quantized_layers say of the first layer of experts; {} if nothing."""
    found = layers.items() if isinstance(layers, dict) else ()
    return next((one for name, one in found if _is_expert(name) and isinstance(one, dict)), {})


def _is_expert(name: Any) -> bool:
    """Whether the name of a module is that of routed experts: model.layers.0.mlp.experts."""
    return isinstance(name, str) and "experts" in re.split(r"\W+", name)


def _names_experts(targets: Any) -> bool:
    return isinstance(targets, list) and any(map(_is_expert, targets))
