"""The attention of a layer, from a config.json: heads and widths, and which layers have others.

No size here is needed to measure experts, so attention that no operation computes is left out, with
what it is. Sources are the models in transformers 5 (modeling_<name>.py), and the code that models
bring with them.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final

from ...store.errors import BadInput, shortened
from ..preset import CONTEXT
from .model_config import ModelConfig

_LATENT: Final = ("kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim")
_FULL: Final = "full_attention"
_LINEAR: Final = "linear_attention"

Kinds = Callable[[Any, int], Iterable[Any]]


def _listed(value: Any, _: int) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(value)
    return value


def _coded(kinds: dict[Any, str]) -> Kinds:
    return lambda value, _: map(kinds.get, value)


def _one_in(other: str) -> Kinds:
    """Of so many layers as the value says one has attention, the others another kind."""
    return lambda value, layers: (_FULL if n % value == 0 else other for n in range(1, layers + 1))


def _by_numbers(value: Any, layers: int) -> list[str]:
    full = len(value["full_attn_layers"])
    return [_FULL] * full + [_LINEAR] * (layers - full)


# Key to the kind of attention of each layer; the first that a file has counts.
_KINDS: Final[dict[str, Kinds]] = {
    "layer_types": _listed,  # Qwen3-Next, gpt-oss, Gemma, Step3, Granite
    "layers_block_type": _listed,  # Nemotron-H, Bamba, Jamba
    "hybrid_override_pattern": _coded({"*": _FULL, "M": "mamba"}),  # Nemotron-H
    "hybrid_layer_pattern": _coded({0: _FULL, 1: "sliding_attention"}),  # MiMo-V2
    "attn_type_list": _coded({0: _LINEAR, 1: _FULL}),  # MiniMax-01
    "linear_attn_config": _by_numbers,  # Kimi Linear
    "full_attention_interval": _one_in(_LINEAR),  # Qwen3-Next
    "layer_group_size": _one_in(_LINEAR),  # Ling 2.5
    "attn_layer_period": _one_in("mamba"),  # Jamba
}
_NO_ATTENTION: Final = ("None", "moe", "mlp", "dense", "sparse")  # layers that are an MLP alone
_MEASURED: Final = re.compile("(full_|global_|sliding_|chunked_)?attention|hybrid")
# Keys that bound how much of its context a token sees.
_BOUNDS: Final = (
    "sliding_window", "attention_chunk_size", "index_topk", "sparse_attention_config",
)  # fmt: skip
_OTHER_SIZES: Final = re.compile("(num_)?(global|swa)_.*head|attention_other_setting")
OTHER_KINDS: Final = {
    "compress_ratios": "is on compressed keys",  # DeepSeek-V4
    "o_lora_rank": "has results of a low rank",
    "share_q_dim": "has queries of a low rank, and keys of its own heads",  # Step3
}


def attention_sizes(config: ModelConfig) -> tuple[dict[str, int], list[str]]:
    """The sizes of attention as a preset has them, and sentences about what they leave out.

    Without kv_heads each head has its own keys and values; without head_dim the heads share the
    model's width. No sizes where the file names no heads.
    """
    try:
        heads = config.size("heads")
        if heads is None:
            return {}, []
        _refuse_other_kinds(config)
        latent = config.keys_of("kv_lora_rank") and config.section.get("use_mla") is not False
        sizes = _latent(config, heads) if latent else _grouped(config, heads)
    except BadInput as refusal:
        return {}, [f"attention is left out, and --ops layer measures the rest: {refusal.message}"]
    told = (_told_of_layers(config), _told_of_bounds(config), _told_of_other_sizes(config))
    return sizes, [*filter(None, told)]


def _latent(config: ModelConfig, heads: int) -> dict[str, int]:
    found = {field: config.size(field) for field in ("q_lora_rank", *_LATENT)}
    if lacking := [field for field in _LATENT if found[field] is None]:
        raise BadInput(f"it is latent (MLA), and {' and '.join(lacking)} is missing")
    return {"heads": heads} | {field: size for field, size in found.items() if size is not None}


def _grouped(config: ModelConfig, heads: int) -> dict[str, int]:
    kv_heads = config.size("kv_heads") or heads
    hidden = config.size("hidden_size", "other_hidden_size") or 0
    head_dim = config.size("head_dim") or (0 if hidden % heads else hidden // heads)
    if not head_dim or heads % kv_heads:
        raise BadInput(
            f"{heads} heads, {kv_heads} of keys and values, on a width of {hidden} contradict each"
            " other"
        )
    values = None if config.section.get("use_mla") is False else config.size("v_head_dim")
    if values not in (None, head_dim):
        raise BadInput(
            f"its values have {values} elements a head and its keys {head_dim}, which no operation"
            " has without latent keys (kv_lora_rank)"
        )
    return {"heads": heads, "kv_heads": kv_heads, "head_dim": head_dim}


def _refuse_other_kinds(config: ModelConfig) -> None:
    """Raise BadInput, without the subject, for attention that no operation computes."""
    if config.keys_of("latent_size"):
        raise BadInput(
            "it works on the model's width, and the experts on a latent width: one preset holds the"
            " experts' width"
        )
    for key, what in OTHER_KINDS.items():
        if config.section.get(key):
            raise BadInput(f"it {what} ({key}), which no operation computes")
    key, kinds = kinds_of_layers(config)
    if kinds and not any(_MEASURED.fullmatch(kind) for kind in kinds):
        raise BadInput(
            f"its layers have {_listing(sorted({*kinds}))} ({key}), which no operation computes"
        )


def kinds_of_layers(config: ModelConfig) -> tuple[str, list[str]]:
    """The kind of attention of each layer that has any, and the key that says so."""
    for key in _KINDS:
        if value := config.section.get(key):
            try:
                layers = config.size("layers") if config.keys_of("layers") else 0
                kinds = [f"{kind!r:.30}".strip("'") for kind in _KINDS[key](value, layers or 0)]
            except (BadInput, ArithmeticError, KeyError, TypeError):
                continue
            return key, [kind for kind in kinds if kind not in _NO_ATTENTION]
    return "", []


def _told_of_layers(config: ModelConfig) -> str | None:
    key, kinds = kinds_of_layers(config)
    counts = Counter(kinds)
    if len(counts) < 2:
        return None
    named = {kind: f"{count} have {kind}" for kind, count in counts.items()}
    other = [said for kind, said in named.items() if not _MEASURED.fullmatch(kind)]
    own = [said for said in named.values() if said not in other]
    and_other = f"; {_listing(other)}, which no operation computes" if other else ""
    return f"of {len(kinds)} layers {_listing(own)}, as the preset{and_other} ({key})"


def _listing(words: Iterable[str]) -> str:
    return shortened(" and ".join(words), 200)


def _told_of_bounds(config: ModelConfig) -> str | None:
    unused = ["sliding_window"] if config.section.get("use_sliding_window") is False else []
    bounds = {key: config.section[key] for key in _BOUNDS if config.section.get(key)}
    bounds = {key: value for key, value in bounds.items() if key not in unused}
    if not bounds:
        return None
    named = ", ".join(f"{key} {value!r:.40}" for key, value in bounds.items())
    if all(isinstance(value, int | float) and value >= CONTEXT for value in bounds.values()):
        return (
            f"a token of the model sees no more than {named}: a TOML with a larger context measures"
            " attention over more than that"
        )
    return (
        "attention is measured over the whole of the preset's context, of which a token may see"
        f" less in the model ({named}): a TOML with a smaller context measures that"
    )


def _told_of_other_sizes(config: ModelConfig) -> str | None:
    named = [key for key in sorted(config.section) if _OTHER_SIZES.match(key)]
    return f"some layers have other sizes of attention: {', '.join(named)}" if named else None
