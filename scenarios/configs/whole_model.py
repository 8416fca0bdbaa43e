"""A whole model from its config.json: what a step reads, computes and sends is counted from it."""

from pathlib import Path
from typing import Any, Final

from ...store.errors import BadInput, shortened
from ...store.serving.whole_model import Experts, LatentAttention, WholeModel
from .attention import OTHER_KINDS, kinds_of_layers
from .families import UNGATED, family
from .layers import count_with_experts
from .model_config import ModelConfig, read_model_config
from .shared_parts import shared_ffn

_FULL, _WINDOW = "full_attention", "sliding_attention"
_LATENT: Final = ("kv_lora_rank", "qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim")
_UNCOUNTED: Final = ("attention_chunk_size", "sparse_attention_config", "mamba_d_state")


def whole_model(path: Path, name: str | None = None) -> WholeModel:
    """Read the sizes of a whole model; its name is that of the folder unless given.

    Raises BadInput as `read_model_config` does, where a size is missing, and for layers of linear
    attention, state-space layers and experts on a latent width, which are not counted.
    """
    config = read_model_config(path)
    _refuse_uncounted(config)
    layers, heads = _needed(config, "layers"), _needed(config, "heads")
    hidden = _needed(config, "hidden_size", "other_hidden_size")
    latent = _latent(config)
    full, window = _attention_layers(config, layers)
    experts = _experts(config, layers) if config.has_experts else None
    dense_ffn = config.size("intermediate_size", "other_intermediate_size")
    if experts is None or experts.layers < layers:
        dense_ffn = _needed(config, "intermediate_size", "other_intermediate_size")
    return WholeModel(
        name=name or path.resolve().parent.name,
        layers=layers,
        hidden_size=hidden,
        heads=heads,
        kv_heads=config.size("kv_heads") or heads,
        head_dim=config.size("head_dim") or hidden // heads,
        intermediate_size=dense_ffn or 0,
        vocabulary=_own(config, "vocab_size"),
        full_layers=full,
        window_tokens=window,
        sparse_tokens=config.section.get("index_topk") or 0,
        ffn_matrices=2 if family(config) in UNGATED else 3,
        tied=bool(config.section.get("tie_word_embeddings", False)),
        experts=experts,
        latent=latent,
    )


def _refuse_uncounted(config: ModelConfig) -> None:
    odd = sorted({*kinds_of_layers(config)[1]} - {_FULL, _WINDOW})
    odd += [key for key in (*OTHER_KINDS, *_UNCOUNTED) if config.section.get(key)]
    if odd := odd or config.keys_of("latent_size"):
        raise BadInput(
            f"{config.path} has layers that are not counted: {shortened(', '.join(odd))}",
            hint="describe the model in Python: moeprof.store.serving.whole_model.WholeModel",
        )


def _needed(config: ModelConfig, *fields: str) -> int:
    if (size := config.size(*fields)) is None:
        raise BadInput(f"{config.path} has no {' or '.join(fields)}", hint="add it to the file")
    return size


def _own(config: ModelConfig, key: str) -> int:
    value: Any = config.section.get(key)
    if type(value) is not int or value < 1:
        raise BadInput(
            f"{config.path}: {key} is {value!r:.60}, and must be a whole number from 1 on",
            hint="add it to the file",
        )
    return value


def _experts(config: ModelConfig, layers: int) -> Experts:
    """The routed experts; without a rule every layer has them."""
    found = count_with_experts(config)
    width = _needed(
        config, "expert_intermediate_size", "intermediate_size", "other_intermediate_size"
    )
    shared, why_not = shared_ffn(config, width)
    if why_not is not None:
        raise BadInput(f"{config.path}: {why_not}", hint="correct the sizes of shared experts")
    return Experts(
        count=_needed(config, "experts"),
        top_k=_needed(config, "top_k"),
        intermediate_size=width,
        layers=layers if found is None else found[0],
        shared_intermediate_size=shared or 0,
    )


def _latent(config: ModelConfig) -> LatentAttention | None:
    if not config.keys_of("kv_lora_rank") or config.section.get("use_mla") is False:
        return None
    kv_rank, rope, nope, value = (_needed(config, field) for field in _LATENT)
    return LatentAttention(kv_rank, config.size("q_lora_rank") or 0, rope, nope, value)


def _attention_layers(config: ModelConfig, layers: int) -> tuple[int, int]:
    """Layers of full attention, and the window of the others; 0 where there are none."""
    section = config.section
    window = section.get("sliding_window")
    if not window or section.get("use_sliding_window") is False:
        return layers, 0
    if kinds := kinds_of_layers(config)[1]:
        full = kinds.count(_FULL)
    elif pattern := section.get("sliding_window_pattern"):
        full = layers // pattern  # every pattern-th layer (Gemma 2 and 3)
    else:
        full = 0
    return full, window if full < layers else 0
