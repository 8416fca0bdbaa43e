"""A whole model from its config.json: what a step reads, computes and sends is counted from it."""

import os
import re
from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import Any, Final

from ...store.errors import BadInput, shortened
from ...store.serving.whole_model import Experts, LatentAttention, SparseIndex, WholeModel
from .attention import OTHER_KINDS, kinds_of_layers
from .context_length import max_context_tokens
from .families import (
    DEFAULTS,
    ENCODERS,
    FOUR_TIMES_WIDE,
    GATED_ATTENTION,
    TIED,
    UNCOUNTED,
    UNGATED,
    family,
)
from .layers import count_with_experts
from .model_config import ModelConfig, read_model_config
from .shared_parts import shared_ffn
from .spellings import KEYS
from .states import STATES, state_layers
from .stored_formats import stored_formats

_FULL: Final = (
    "full_attention",
    "attention",
    "indexed_attention",
    "hybrid",
    "deepseek_sparse_attention",
)
_WINDOW: Final = ("sliding_attention", "chunked_attention")
_LATENT: Final = ("kv_lora_rank", "qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim")
_COUNTED: Final = ("share_q_dim",)
# Keys of attention and layers that have sizes which are not counted, with what they are.
_UNCOUNTED: Final = {key: what for key, what in OTHER_KINDS.items() if key not in _COUNTED} | {
    "sparse_attention_config": "is sparse by blocks",  # MiniMax-M3
    "use_cla": "shares its keys and values between layers",  # Hunyuan-Large
    "num_kv_shared_layers": "shares its keys and values between layers",  # Gemma 3n
    "hidden_size_per_layer_input": "has an embedding for each layer",  # Gemma 3n
    "lru_width": "is recurrent by gates of channels",  # RecurrentGemma
    "block_configs": "has sizes by layer",  # Nemotron-NAS
    "zero_expert_num": "has two attentions in a layer",  # LongCat-Flash
    "dense_attention_every_n_layers": "is sparse by blocks",  # Phi-3-small
    "mla_use_output_gate": "has a gate on latent attention",  # Kimi K3
    "attn_res_block_size": "has residuals between blocks of layers",  # Kimi K3
}
_WIDEST: Final = 1 << 10  # a file may state so many widths of one network
# Experts on a latent width say nothing of shared ones, which work on the model's.
_NO_LATENT: Final = dict.fromkeys(KEYS["latent_size"])
_IN_CACHE: Final = re.compile(r"/models--(?:[^/]+?--)?([^/]+)/snapshots/[^/]+/[^/]+$")
_OWN_NAME: Final = re.compile(r"(?:.*--)?(.+?)[_.-]config\.json")
_OTHER_SIZES: Final = re.compile("(num_)?(global|swa)_.*(head|key_value)|attention_other_setting")


def whole_model(path: Path, name: str | None = None) -> WholeModel:
    """Read the sizes of a whole model; its name is that of the folder unless given.

    How its weights are stored is read from it too, or from the hf_quant_config.json beside it.
    What a family's file leaves out is as in its class in transformers (families.py). Raises
    BadInput as `read_model_config` does, where a size is missing, and for layers that are not
    counted, naming them.
    """
    config = _with_defaults(read_model_config(path))
    _refuse_uncounted(config)
    layers, heads = _needed(config, "layers"), _needed(config, "heads")
    hidden = _needed(config, "hidden_size", "other_hidden_size")
    kinds = _kinds(config, layers)
    full, window = _attention_layers(config, layers, kinds)
    experts = _experts(config, layers) if config.has_experts else None
    states = state_layers(config, hidden, kinds)
    found = WholeModel(
        name=name or _name(path),
        layers=layers,
        hidden_size=hidden,
        heads=heads,
        kv_heads=_kv_heads(config, heads),
        head_dim=config.size("head_dim") or hidden // heads,
        intermediate_size=0,
        vocabulary=_own(config, "vocab_size"),
        full_layers=full,
        window_tokens=window,
        sparse_tokens=_own(config, "index_topk") if config.section.get("index_topk") else 0,
        ffn_matrices=2 if family(config) in UNGATED else 3,
        tied=_tied(config),
        experts=experts,
        latent=_latent(config),
        states=states,
        index=_index(config, layers),
        chunked=bool(window and config.section.get("attention_chunk_size")),
        output_gate=bool(config.section.get("attn_output_gate", family(config) in GATED_ATTENTION)),
        query_rank=_own(config, "share_q_dim") if config.section.get("share_q_dim") else 0,
        ffn_apart=family(config) == "nemotron_h",
        max_context_tokens=max_context_tokens(config),
    )
    return replace(
        found,
        intermediate_size=_dense_width(config) if found.dense_layers else 0,
        stored=stored_formats(config, found),
    )


def _name(path: Path) -> str:
    """The name of a model by its file's folder, or as Hugging Face's cache names that.

    A file beside others of its kind is named itself: "Qwen--Qwen3-1.7B_config.json".
    """
    absolute = Path(os.path.abspath(path))  # what the user sees: files of a cache are links
    if own := _OWN_NAME.fullmatch(absolute.name):
        return own[1]
    cached = _IN_CACHE.search(str(absolute))
    return cached[1] if cached else absolute.parent.name


def _with_defaults(config: ModelConfig) -> ModelConfig:
    """The file, with what its family's class has where the file says nothing."""
    said = {key: value for key, value in config.section.items() if value is not None}
    parts = said.get("layers_block_type")
    if isinstance(parts, list) and not config.keys_of("layers"):  # Nemotron 3 Ultra
        said["num_hidden_layers"] = len(parts)
    return replace(config, section=DEFAULTS.get(family(config), {}) | said)


def _refuse_uncounted(config: ModelConfig) -> None:
    odd = sorted({*kinds_of_layers(config)[1]} - {*_FULL, *_WINDOW, *STATES})
    odd += [f"{key}: it {what}" for key, what in _UNCOUNTED.items() if config.section.get(key)]
    kind = family(config)
    if what := "decodes no text" if kind in ENCODERS else UNCOUNTED.get(kind):
        odd.append(f"{kind}: it {what}")
    odd += [
        key for key in sorted(config.section) if _OTHER_SIZES.match(key) and config.section[key]
    ]
    values = config.section.get("v_head_dim")
    if not config.keys_of("kv_lora_rank") and values not in (None, 0, config.size("head_dim")):
        odd.append(f"v_head_dim {values!r:.20}: values are not as wide as keys")
    if odd:
        raise BadInput(
            f"{config.path} has layers that are not counted: {shortened(', '.join(odd), 200)}",
            hint="describe the model in Python: moeprof.store.serving.whole_model.WholeModel",
        )


def _needed(config: ModelConfig, *fields: str) -> int:
    if (size := config.size(*fields)) is None:
        raise BadInput(f"{config.path} has no {' or '.join(fields)}", hint="add it to the file")
    return size


def _own(config: ModelConfig, key: str, default: int | None = None) -> int:
    value: Any = config.section.get(key, default)
    if type(value) is not int or not 1 <= value <= 1 << 24:
        raise BadInput(
            f"{config.path}: {key} is {value!r:.60}, and must be a whole number from 1 on",
            hint="add it to the file",
        )
    return value


def _kv_heads(config: ModelConfig, heads: int) -> int:
    section = config.section
    if section.get("multi_query") and not section.get("new_decoder_architecture"):  # Falcon 7B
        return 1
    return config.size("kv_heads") or heads


def _tied(config: ModelConfig) -> bool:
    said = config.value("tied")
    return family(config) in TIED if said is None else bool(said)


def _dense_width(config: ModelConfig) -> int:
    """The width of a dense network; some families state another than they have."""
    section = config.section
    if section.get("intermediate_size_mlp"):  # Llama 4, beside experts of intermediate_size
        return _own(config, "intermediate_size_mlp")
    if family(config) == "granitemoehybrid":
        return _needed(config, "shared_intermediate_size")
    if family(config) in FOUR_TIMES_WIDE:
        return config.size("intermediate_size") or 4 * _needed(config, "hidden_size")
    if not (section.get("block_auto_adjust_ff_dim") and family(config) == "lfm2"):
        return _needed(config, "intermediate_size", "other_intermediate_size")
    stated = _own(config, "block_ff_dim" if "block_ff_dim" in section else "intermediate_size")
    factor = section.get("block_ffn_dim_multiplier", 1)
    step = _own(config, "block_multiple_of", 256)
    if type(factor) not in (int, float) or not 0 < factor <= _WIDEST:
        raise BadInput(
            f"{config.path}: block_ffn_dim_multiplier is {factor!r:.60}, and must be above 0",
            hint="correct the file",
        )
    return step * ceil(int(factor * (2 * stated // 3)) / step)


def _experts(config: ModelConfig, layers: int) -> Experts:
    """The routed experts; without a rule every layer has them."""
    found = count_with_experts(config)
    width = _needed(
        config, "expert_intermediate_size", "intermediate_size", "other_intermediate_size"
    )
    latent = config.size("latent_size") or 0
    shared, why_not = shared_ffn(replace(config, section={**config.section, **_NO_LATENT}), width)
    if why_not is not None:
        raise BadInput(f"{config.path}: {why_not}", hint="correct the sizes of shared experts")
    return Experts(
        count=_needed(config, "experts"),
        top_k=_needed(config, "top_k"),
        intermediate_size=width,
        layers=layers if found is None else found[0],
        shared_intermediate_size=shared or 0,
        latent_size=latent,
    )


def _latent(config: ModelConfig) -> LatentAttention | None:
    if not config.keys_of("kv_lora_rank") or config.section.get("use_mla") is False:
        return None
    kv_rank, rope, nope, value = (_needed(config, field) for field in _LATENT)
    return LatentAttention(kv_rank, config.size("q_lora_rank") or 0, rope, nope, value)


def _index(config: ModelConfig, layers: int) -> SparseIndex | None:
    """The indexer of sparse attention; layers that share one have none of their own."""
    if not config.section.get("index_topk"):
        return None
    kinds = config.section.get("indexer_types")
    own = kinds.count("full") if isinstance(kinds, list) else layers
    return SparseIndex(_own(config, "index_n_heads"), _own(config, "index_head_dim"), own)


def _kinds(config: ModelConfig, layers: int) -> list[str]:
    """The kind of each layer with attention or a state; none where the file does not tell them."""
    if family(config) == "falcon_h1":  # attention and a state space side by side
        return ["hybrid"] * layers
    for key, other in (("full_attn_idxs", "conv"), ("attn_layer_indices", "mamba")):  # LFM2, Bamba
        if isinstance(full := config.section.get(key), list):
            return [_FULL[0] if layer in full else other for layer in range(layers)]
    kinds = kinds_of_layers(config)[1]
    if kinds and len(kinds) != layers and family(config) != "nemotron_h":
        raise BadInput(
            f"{config.path} has kinds of {len(kinds)} layers, and {layers} layers",
            hint="correct the number of layers",
        )
    return kinds


def _attention_layers(config: ModelConfig, layers: int, kinds: list[str]) -> tuple[int, int]:
    """Layers of full attention, and how much the others see; 0 where there are none."""
    section = config.section
    window = section.get("attention_chunk_size") or section.get("sliding_window")
    if kinds:
        full = sum(kind in _FULL for kind in kinds)
        return full, _window(config, window) if {*kinds} & {*_WINDOW} else 0
    if not window or section.get("use_sliding_window") is False:
        return layers, 0
    full = min(layers, _full_by_rule(config, layers))
    return full, _window(config, window) if full < layers else 0


def _full_by_rule(config: ModelConfig, layers: int) -> int:
    """Layers of full attention among others with a window, by a rule instead of a list."""
    section = config.section
    if section.get("attention_chunk_size"):  # Llama 4: those without rotary positions
        with_rope = section.get("no_rope_layers")
        if isinstance(with_rope, list) and with_rope:
            return with_rope.count(0)
        return layers // _own(config, "no_rope_layer_interval", 4)
    pattern = section.get("sliding_window_pattern")
    if isinstance(pattern, str) and pattern:  # EXAONE 4: "LLLG"
        return sum(pattern[layer % len(pattern)] == "G" for layer in range(layers))
    if pattern:  # every pattern-th layer (Gemma, Command A)
        return layers // _own(config, "sliding_window_pattern")
    named = section.get("use_sliding_window") and section.get("max_window_layers")
    return _own(config, "max_window_layers") if named else 0


def _window(config: ModelConfig, window: Any) -> int:
    if type(window) is not int or window < 1:
        raise BadInput(
            f"{config.path} has layers with a window of {window!r:.40}",
            hint="add sliding_window to the file, a whole number from 1 on",
        )
    return window
