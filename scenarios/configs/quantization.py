"""The quantization_config of a model's config.json, as the tools that quantise write it."""

import re
from dataclasses import dataclass
from typing import Any, Final

from ...kernels.formats.names import lacking

# Size of the group that shares a scale, by quant_method of a 4-bit format that fixes it.
_FIXED_GROUP_SIZE: Final = {
    "mxfp4": 32,  # OCP Microscaling Formats, version 1.0, section 5
}
_BITS: Final = ("bits", "w_bit", "num_bits")  # GPTQ and AWQ; older AWQ; compressed-tensors
_GROUP_SIZE: Final = ("group_size", "q_group_size")  # the same
_OTHER: Final = re.compile("nvfp4|nf4|mxfp8|mxfp6")  # known, without a kernel
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


@dataclass(frozen=True, slots=True)
class OwnFormat:
    """The format that a model stores its experts' weights in.

    `name` is one of kernels/formats/names.py, and `group` its weights per scale where it has
    groups. `name` is None for another format, and `why` says then what it would need.
    """

    name: str | None = None
    group: int | None = None
    why: str | None = None


def own_format(quantization: Any) -> OwnFormat:
    """The format of a model's experts, as its quantization_config names it."""
    if not isinstance(quantization, dict):
        return OwnFormat(why="its form is unknown")
    weights = _weights(quantization)
    method = f"{weights.get('quant_algo')} {quantization_method(quantization)}".lower()
    bits = _first(weights, _BITS)
    whole = weights.get("type", "int") == "int"
    if other := _OTHER.search(f"{method} {weights.get('bnb_4bit_quant_type')}"):
        return OwnFormat(why=lacking(other[0]))
    if "mxfp4" in method:
        return OwnFormat("mxfp4")
    if "fp8" in method or (bits == 8 and not whole):
        return _fp8(quantization, weights, method)
    if whole and (bits in (4, 8) or "int4" in method or "w4" in method):
        return _integers(weights, 8 if bits == 8 else 4)
    return OwnFormat(why="moeprof knows no such format")


def _fp8(quantization: dict[str, Any], weights: dict[str, Any], method: str) -> OwnFormat:
    """fp8 by the shape of what shares a scale; the whole tensor where the file names none."""
    block = quantization.get("weight_block_size") or weights.get("block_structure")
    strategy = weights.get("strategy")
    if block is not None or "_pb_" in method:
        fits = block in (None, [128, 128], "128x128")
        said = f"its scales are of blocks {block!r:.20}, and the kernels know [128, 128]"
        return OwnFormat("fp8_block") if fits else OwnFormat(why=said)
    if strategy == "channel" or "fbgemm" in method or "per_channel" in method:
        return OwnFormat("fp8_channel")
    if strategy in (None, "tensor"):
        return OwnFormat("fp8_tensor")
    return OwnFormat(why=f"fp8 has no kernel for scales by {strategy!r:.20}")


def _integers(weights: dict[str, Any], bits: int) -> OwnFormat:
    zeros = weights.get("zero_point", weights.get("quant_method") == "awq") is True
    zeros |= False in (weights.get("sym"), weights.get("symmetric"))
    if zeros and bits == 8:
        return OwnFormat(why="int8 with zero points has no name here")
    size = _first(weights, _GROUP_SIZE)
    if type(size) is not int or size < 1:
        return OwnFormat(why=f"its weights share a scale by {size!r:.20}, and not in groups")
    return OwnFormat(f"int{bits}_zeros" if zeros else f"int{bits}", size)


def _first(weights: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((weights[name] for name in names if name in weights), None)


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
    bits, size = _first(weights, _BITS), _first(weights, _GROUP_SIZE)
    four_bits = bits == 4 or _FOUR_BITS.search(str(weights.get("quant_algo")).upper())
    return size if four_bits and type(size) is int and size > 0 else None


def scales_whole_rows(quantization: dict[str, Any]) -> bool:
    """Whether a whole row of weights shares a scale: GPTQ's group -1, or a channel's strategy."""
    weights = _weights(quantization)
    return _first(weights, _GROUP_SIZE) == -1 or weights.get("strategy") == "channel"


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
