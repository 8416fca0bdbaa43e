"""Which layers of a model have experts, by every rule that config.json files state it with."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from ...store.errors import BadInput
from .model_config import ModelConfig

Rule = Callable[[Any, int, Mapping[str, Any]], bool]


def _every(value: Any, layer: int, _: Mapping[str, Any]) -> bool:
    """Every value-th layer, the last of each group."""
    return bool((layer + 1) % value == 0)


def _from(value: Any, layer: int, _: Mapping[str, Any]) -> bool:
    return bool(layer >= value)


def _listed(value: Any, layer: int, _: Mapping[str, Any]) -> bool:
    numbers = value.split(",") if isinstance(value, str) else value
    return layer in map(int, numbers)


def _frequency(value: Any, layer: int, _: Mapping[str, Any]) -> bool:
    return bool(value[layer] if isinstance(value, list) else layer % value == 0)


# Key to whether a layer, counted from 0, has experts. Where a file has several, all must hold. The
# rules are those of the model's code in transformers or in its own repository.
_RULES: Final[dict[str, Rule]] = {
    "first_k_dense_replace": _from,  # DeepSeek, GLM-4.5, Kimi
    "num_dense_layers": _from,  # AFMoE, LFM2
    "moe_layer_num_skipped": _from,  # Hunyuan
    "moe_layer_start_index": _from,  # ERNIE 4.5
    "moe_layer_end_index": lambda value, layer, _: value < 0 or layer <= value,  # ERNIE 4.5
    "moe_layer_interval": _every,  # ERNIE 4.5
    "moe_layer_freq": _frequency,  # DeepSeek; MiMo has a list by layer
    "moe_layer_frequency": _every,  # Arctic
    "decoder_sparse_step": _every,  # Qwen
    "interleave_moe_layer_step": _every,  # Llama 4
    "mlp_only_layers": lambda value, layer, _: layer not in value,  # Qwen: dense ones
    "moe_layers": _listed,  # Llama 4
    "moe_layers_enum": _listed,  # Step3: "4,5,6"
    "mlp_layer_types": lambda value, layer, _: value[layer] != "dense",  # GLM, DeepSeek
    "hybrid_override_pattern": lambda value, layer, _: value[layer] == "E",  # Nemotron-H
    "layers_block_type": lambda value, layer, _: "moe" not in value or value[layer] == "moe",
    "expert_layer_period": lambda value, layer, section: (
        layer % value == section.get("expert_layer_offset", 0)
    ),  # Jamba
}
KEYS_OF_LAYERS: Final = (*_RULES, "expert_layer_offset")


def layers_with_experts(config: ModelConfig) -> str | None:
    """How many layers of all have experts, as a sentence; None where the file does not say.

    Raises BadInput where its rules leave no layer with experts.
    """
    if (found := count_with_experts(config)) is None:
        return None
    count, layers, said = found
    if count == 0:
        raise BadInput(f"{config.path} leaves none of {layers} layers with experts: {said}")
    return f"{count} of {layers} layers have experts ({said}): the preset is one of them"


def count_with_experts(config: ModelConfig) -> tuple[int, int, str] | None:
    """Layers with experts, all layers, and the keys that say so; None where no key does."""
    section = config.section
    found = [key for key in _RULES if section.get(key) not in (None, [], "")]
    if not found or not config.keys_of("layers"):
        return None
    try:
        layers = config.size("layers") or 0
        count = sum(
            all(_RULES[key](section[key], layer, section) for key in found)
            for layer in range(layers)
        )
    except (BadInput, ArithmeticError, IndexError, KeyError, TypeError, ValueError):
        return None
    return count, layers, ", ".join(f"{key} {section[key]!r:.40}" for key in found)
