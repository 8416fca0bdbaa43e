"""How a checkpoint stores the weights of each part, by its quantization_config.

Tools that quantise name what they leave in 16 bits, or what they quantise and how: GPTQ, AWQ, fp8
of transformers, compressed-tensors, Quark, and ModelOpt, whose older files are
hf_quant_config.json.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ...store.errors import BadInput
from ...store.files import has_file, read_text
from ...store.serving.whole_model import StoredFormats, WholeModel
from .model_config import ModelConfig
from .quantization import four_bit_group_size, own_format, scales_whole_rows

_BESIDE: Final = "hf_quant_config.json"
_MOST_BYTES: Final = 32 << 20
_UNQUANTISED: Final = "bf16"
# Products of a layer that stand for its parts, as models of transformers and Megatron name them.
_PRODUCTS: Final = {
    "attention": (
        "self_attn.q_proj", "self_attn.qkv_proj", "self_attn.q_a_proj",
        "self_attn.kv_a_proj_with_mqa",
        "mixer.q_proj", "attn.q_proj", "attn.wq_a",
    ),
    "states": (
        "linear_attn.in_proj_qkvz", "linear_attn.in_proj_qkv", "mixer.in_proj", "mamba.in_proj",
        "conv.in_proj",
    ),
    "experts": (
        "mlp.experts.0.gate_proj", "mlp.experts.0.up_proj", "block_sparse_moe.experts.0.w1",
        "feed_forward.experts.gate_up_proj", "mixer.experts.0.up_proj", "ffn.experts.0.w1",
    ),
    "shared": (
        "mlp.shared_experts.gate_proj", "mlp.shared_expert.gate_proj",
        "feed_forward.shared_expert.gate_proj", "mixer.shared_experts.up_proj",
        "ffn.shared_experts.w1",
    ),
    "dense": ("mlp.gate_proj", "mlp.gate_up_proj", "mlp.up_proj", "mixer.up_proj", "ffn.w1"),
}  # fmt: skip
_STATES_AS_ATTENTION: Final = ("Kimi delta attention", "lightning attention")
_HEAD: Final = "lm_head"
_LAYERS: Final = re.compile(r"^.*?\blayers\.(?=\d)")
_FEWEST: Final = 4  # one in so many layers: a few at either end often stay as they are
_COUNTED: Final = frozenset((_UNQUANTISED, "fp8", "nvfp4", "nvfp4a16", "mxfp4", "int4"))
_BY_NAME: Final = {"mxfp4": "mxfp4", "nvfp4": "nvfp4", "nf4": "nf4", "int8": "int8", "fp8": "fp8"}


@dataclass(frozen=True, slots=True)
class _Modules:
    """Modules that a file names: `names` from "layers." on, and `patterns` for every layer."""

    names: frozenset[str]
    patterns: tuple[re.Pattern[str], ...]
    every: bool = False

    @classmethod
    def of(cls, entries: Iterable[Any]) -> "_Modules":
        """From names, globs, regular expressions after "re:", and classes such as Linear."""
        names, patterns, every = set(), [], False
        for entry in entries:
            if not isinstance(entry, str) or entry.startswith("mtp"):  # layers beside the model's
                continue
            every |= entry == "Linear"
            name = re.sub(
                r"^.*?\blayers\.(?=\d)", "layers.", entry.removesuffix("*").removesuffix(".")
            )
            if entry.startswith("re:"):
                patterns += _compiled(entry[3:])
            elif "*" in name:
                patterns += _compiled(".*".join(map(re.escape, name.split("*"))))
            else:
                names.add(name)
        return cls(frozenset(names), tuple(patterns), every)

    def hold(self, part: str, layers: int) -> bool:
        """Whether the product of a part is among them, in one of four of its layers or more."""
        return _FEWEST * self.share(part, layers) >= 1

    def share(self, part: str, layers: int) -> float:
        """In which share of the `layers` that have a part its product is among them."""
        products = _PRODUCTS[part]
        if self.every or any(self._everywhere(product) for product in products):
            return 1.0
        named = {name.split(".")[1] for name in self.names if name.startswith("layers.")}
        count = sum(
            any(self.names.intersection(_ancestors(f"layers.{layer}.{one}")) for one in products)
            for layer in named
        )
        return min(1.0, count / layers) if layers else 0.0

    def hold_head(self) -> bool:
        """Whether the output head is named: as a class, Linear leaves it out."""
        named = any(name.split(".")[-1] == _HEAD for name in self.names)
        return named or any(one.search(_HEAD) for one in self.patterns)

    def _everywhere(self, product: str) -> bool:
        within = {".".join(words) for words in _runs(product.split("."))}
        whole = f"model.layers.1.{product}"
        return bool(within & self.names) or any(one.search(whole) for one in self.patterns)


def _ancestors(name: str) -> list[str]:
    """A module and those that it is in, up to its layer."""
    words = name.split(".")
    return [".".join(words[:end]) for end in range(2, len(words) + 1)]


def _runs(words: list[str]) -> Iterator[list[str]]:
    """Every run of words but "layers": "mlp.gate_proj" has mlp, gate_proj and both."""
    for first in range(len(words)):
        for end in range(first + 1, len(words) + 1):
            yield words[first:end]


def _compiled(pattern: str) -> list[re.Pattern[str]]:
    try:
        return [re.compile(pattern)]
    except re.error:
        return []


def stored_formats(config: ModelConfig, model: WholeModel) -> StoredFormats | None:
    """How the checkpoint of a file stores its weights; None where the file does not say.

    `model` has the sizes. A format that has no name here is named by itself, for all parts. Raises
    BadInput for a hf_quant_config.json that cannot be read.
    """
    quantization = config.value("quantization") or _beside(config)
    if not isinstance(quantization, dict):
        return None
    left = _Modules.of(_left(quantization))
    groups = list(_groups(quantization))

    def of_part(part: str, layers: int) -> str:
        if left.hold(part, layers):
            return _UNQUANTISED
        return _grouped(groups, part, layers)

    shared = model.experts is not None and model.experts.shared_intermediate_size > 0
    dense = of_part("shared", model.moe_layers) if shared else of_part("dense", model.dense_layers)
    experts = of_part("experts", model.moe_layers) if model.experts else dense
    attention = of_part("attention", model.attention_layers)
    states, as_it_was = _of_states(left, groups, model)
    head = dense if quantization.get(_HEAD) is True else _of_head(left, groups)  # GPTQ's key
    formats = {attention, dense, experts, head} | ({states} if states else set())
    if other := sorted(formats - _COUNTED):
        attention = dense = experts = other[0]
    size, zeros = _int4_scales(quantization) if "int4" in formats else (None, False)
    return StoredFormats(attention, dense, experts, size, head, states, as_it_was, zeros)


def _int4_scales(quantization: dict[str, Any]) -> tuple[int | None, bool]:
    """Weights that share a scale, 0 for whole rows, and whether each scale has a zero point."""
    if scales_whole_rows(quantization):
        return 0, False
    zeros = own_format(quantization).name == "int4_zeros"
    return four_bit_group_size(quantization), zeros


def _grouped(groups: Iterable[tuple[_Modules, str]], part: str, layers: int) -> str:
    found = (name for modules, name in groups if modules.hold(part, layers))
    return next(found, _UNQUANTISED)


def _of_states(
    left: _Modules, groups: Iterable[tuple[_Modules, str]], model: WholeModel
) -> tuple[str | None, float]:
    """The format of layers with a state, and the share of them that is in 16 bits.

    None where their products have the names of attention's (Kimi Linear, MiniMax-01).
    """
    if model.states is None or model.states.kind in _STATES_AS_ATTENTION:
        return None, 0.0
    as_it_was = left.share("states", model.state_layers)
    name = _grouped(groups, "states", model.state_layers)
    if as_it_was == 1 or name == _UNQUANTISED:
        return _UNQUANTISED, 0.0
    return name, as_it_was


def _of_head(left: _Modules, groups: Iterable[tuple[_Modules, str]]) -> str:
    named = (name for modules, name in groups if modules.hold_head() and not left.hold_head())
    return next(named, _UNQUANTISED)


def _left(quantization: Mapping[str, Any]) -> list[Any]:
    """What is left as it was, by the keys of all tools."""
    keys = ("modules_to_not_convert", "ignore", "ignored_layers", "exclude_modules", "exclude")
    lists = (quantization.get(key) for key in keys)
    return [one for entries in lists if isinstance(entries, list) for one in entries]


def _groups(quantization: Mapping[str, Any]) -> Iterator[tuple[_Modules, str]]:
    """Modules that are quantised, and the format of each group of them."""
    listed, groups = quantization.get("quantized_layers"), quantization.get("config_groups")
    quark = quantization.get("global_quant_config")
    if isinstance(listed, dict) and listed:
        by_format: dict[str, list[str]] = {}
        for name, one in listed.items():
            by_format.setdefault(_format(one, {}), []).append(name)
        yield from ((_Modules.of(names), name) for name, names in by_format.items())
    elif isinstance(groups, dict) and groups:
        for one in groups.values():
            if isinstance(one, dict) and isinstance(one.get("weights"), dict):
                targets = one.get("targets") or ["Linear"]
                name = _format(one["weights"], one)
                alone = name == "nvfp4" and not one.get("input_activations")
                yield _Modules.of(targets), "nvfp4a16" if alone else name
    elif isinstance(quark, dict):
        apart = quantization.get("layer_quant_config")
        for name, one in apart.items() if isinstance(apart, dict) else ():
            if isinstance(one, dict):
                yield _Modules.of([name]), _format(one.get("weight"), {})
        yield _Modules.of(["Linear"]), _format(quark.get("weight"), {})
    else:
        yield _Modules.of(["Linear"]), _format(quantization, quantization)


def _format(weights: Any, around: Mapping[str, Any]) -> str:
    """The name of a format, by what a tool calls it and by its bits."""
    weights = weights if isinstance(weights, dict) else {}
    named = [
        part.get(key)
        for part in (weights, around)
        for key in ("quant_algo", "quant_method", "format", "bnb_4bit_quant_type", "dtype")
    ]
    told = dict.fromkeys(one.lower() for one in named if isinstance(one, str))
    words = " ".join(told).replace("mxfp8", "fp8")
    bits = next((weights[key] for key in ("bits", "w_bit", "num_bits") if key in weights), None)
    if words == "fp4" or (bits == 4 and weights.get("type") == "float"):
        return "mxfp4" if weights.get("group_size") == 32 else "nvfp4"
    if re.search("w4a16_nvfp4|nvfp4a16", words):  # unpacked, and computed in 16 bits
        return "nvfp4a16"
    if name := next((name for word, name in _BY_NAME.items() if word in words), None):
        return name
    if bits == 8 or weights.get("load_in_8bit") is True:
        return "fp8" if weights.get("type") == "float" else "int8"
    if bits == 4 or re.search("int4|w4a", words):
        return "int4"
    return words or "a format without a name"


def _beside(config: ModelConfig) -> Any:
    """What ModelOpt's own file beside the config.json says; None where there is none."""
    path = config.path.with_name(_BESIDE)
    if not has_file(path):
        return None
    try:
        found = json.loads(read_text(path, _MOST_BYTES))
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path} is not JSON: {error}", hint="correct or remove it") from error
    return found.get("quantization") if isinstance(found, dict) else None
