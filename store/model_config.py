"""A published model's `config.json`, as Hugging Face's transformers writes it.

This is the one reader of such files. Models name the same size by different keys; KEYS lists them.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from .errors import BadInput, shortened
from .files import read_bytes, refuse_lfs_pointer

# Keys of config.json by field, each with models that write it. Sources: the configuration classes
# in transformers 5 (src/transformers/models/<name>/configuration_<name>.py), and the config.json
# files of the models that bring their own code.
KEYS: Final = {
    "model_type": ("model_type",),
    "architectures": ("architectures",),
    "hidden_size": (
        "hidden_size",  # nearly all
        "d_model",  # DBRX, Switch, NLLB-MoE
    ),
    "latent_size": (
        # The experts work on a projection of the hidden state to this width.
        "moe_latent_size",  # Nemotron-H
        "routed_expert_hidden_size",  # Kimi K3
        "moe_hidden_size",  # Muse Spark
    ),
    "expert_intermediate_size": (
        "moe_intermediate_size",  # DeepSeek, Qwen, GLM, Kimi, Hunyuan, ERNIE 4.5, Gemma 4, Grok-2
        "expert_ffn_hidden_size",  # LongCat-Flash
        "moe_ffn_hidden_size",  # SmallThinker
    ),
    "intermediate_size": (
        "intermediate_size",  # Mixtral, Llama 4, gpt-oss, Granite, OLMoE, PhiMoE, Jamba, Grok-1
        "ffn_hidden_size",  # DBRX, Yuan 2.0
        "d_ff",  # Switch
        "encoder_ffn_dim",  # NLLB-MoE
        "decoder_ffn_dim",  # NLLB-MoE
    ),
    "experts": (
        "num_local_experts",  # Mixtral, Llama 4, gpt-oss, Granite, PhiMoE, MiniMax, Arctic, JetMoE
        "num_experts",  # Qwen, OLMoE, Jamba, Hunyuan, Ling, Gemma 4, Grok-1, Switch, NLLB-MoE
        "n_routed_experts",  # DeepSeek, GLM-4.5, Kimi K2, dots1, LongCat-Flash, Nemotron-H
        "moe_num_experts",  # ERNIE 4.5, Aria, Step3, DBRX, Yuan 2.0
        "moe_num_primary_experts",  # SmallThinker
    ),
    "top_k": (
        "num_experts_per_tok",  # nearly all
        "experts_per_token",  # gpt-oss
        "num_experts_per_token",  # Kimi Linear, Ling hybrid
        "num_selected_experts",  # Grok-1
        "moe_topk",  # Hunyuan, Aria, LongCat-Flash
        "moe_top_k",  # DBRX, Step3, Yuan 2.0
        "moe_k",  # ERNIE 4.5
        "top_k_experts",  # Gemma 4
        "moe_num_active_primary_experts",  # SmallThinker
    ),
    "shared_experts": (
        "n_shared_experts",  # DeepSeek, GLM-4.5, Kimi K2
        "num_shared_experts",  # Ling, Cohere
        "num_shared_expert",  # Hunyuan
        "moe_num_shared_experts",  # ERNIE 4.5, Aria
    ),
    "zero_experts": ("zero_expert_num",),  # LongCat-Flash: experts that copy their input
    "dtype": ("dtype", "torch_dtype"),
    "quantization": ("quantization_config",),
    "expert_dtype": ("expert_dtype",),  # DeepSeek-V4, whose experts have 4 bits beside fp8
}
# A family whose code fixes the number of experts per token, so that its config has no key for it.
TOP_K_OF_TYPE: Final = {
    "switch_transformers": 1,  # Fedus, Zoph and Shazeer 2021, section 2.1
    "nllb-moe": 2,  # NllbMoeTop2Router in transformers
}
# Keys that switch the experts of a family off.
_SWITCHES: Final = ("enable_moe_block", "is_moe")  # Gemma 4; Doge
# Where a multimodal model has its language model, in the order tried.
_LANGUAGE_MODELS: Final = (
    ("text_config",),  # Llama 4, Gemma 4, Qwen3-VL, GLM-4.5V, Kimi-VL
    ("language_config",),  # DeepSeek-VL2
    ("llm_config",),  # InternVL, Ming
    ("thinker_config", "text_config"),  # Qwen3-Omni, whose talker has experts of its own
)
_PARTS: Final = ("ffn_config", "moe_config")  # parts of a language model: DBRX; Yuan 2.0
_OUTER_FIELDS: Final = ("model_type", "architectures", "dtype", "quantization", "expert_dtype")
LARGEST_SIZE: Final = 1 << 20  # no width and no number of experts comes near it
_MOST_BYTES: Final = 32 << 20  # one that lists each quantised layer has 5 MB
_LONGEST_SIZE: Final = 18  # digits
_NESTED: Final = 5  # objects in objects that are searched for keys
_LISTED: Final = frozenset(key for keys in KEYS.values() for key in keys)
# Names that may hold the width that the experts work on, or any width of theirs.
_LATENT: Final = re.compile(
    "latent_(hidden_size|size|width|dim)$"
    "|(?=.*(moe|expert))(?=.*(latent|hidden|width|dim))(?!.*(inter|ffn|share|gate|router))"
)
_EXPERT_WIDTH: Final = re.compile(
    "latent_(hidden_size|size|width|dim)$"
    "|(?=.*(moe|expert))(?=.*(latent|hidden|intermediate|inter_|ffn|width|dim))"
    "(?!.*(share|gate|router))"
)


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """The part of a config.json that describes the language model, by the fields of KEYS.

    A field is None if the file lacks it or has null or an empty value there. Sizes are checked
    where they are asked for, so that a strange value in a field that nobody needs costs nothing.
    """

    path: Path
    section: Mapping[str, Any]

    @property
    def has_experts(self) -> bool:
        """Whether the file names a number of experts other than 0, and has them switched on."""
        return _has_experts(self.section)

    def value(self, field: str) -> Any:
        """The first value of a field, as it stands in the file; None if there is none."""
        return next((self.section[key] for key in self.keys_of(field)), None)

    def keys_of(self, field: str) -> list[str]:
        """Keys of a field that the file has, with values that are not empty.

        A latent size of 0 is empty: it says that the experts work on the hidden size.
        """
        empty = (None, "", [], {}, *((0,) if field == "latent_size" else ()))
        return [key for key in KEYS[field] if self.section.get(key) not in empty]

    def size(self, *fields: str) -> int | None:
        """The size in the first of these fields that the file has, or None.

        A list by layer counts as one size if its values are equal. Raises BadInput, naming key and
        value, for a value that is no positive whole number or above 2**20, for layers of several
        sizes, and for two keys of one field with two sizes.
        """
        for field in fields:
            if field == "top_k" and not self.keys_of(field):
                return TOP_K_OF_TYPE.get(str(self.value("model_type")))
            found = {key: self._size(key) for key in self.keys_of(field)}
            if len(set(found.values())) > 1:
                named = " and ".join(f"{key} {size}" for key, size in found.items())
                raise BadInput(f"{self.path} has two sizes of one meaning: {named}")
            if found:
                return next(iter(found.values()))
        return None

    def _size(self, key: str) -> int:
        """The one size of all layers under a key."""
        sizes = list(dict.fromkeys(self._checked(key, value) for value in self._by_layer(key)))
        if len(sizes) > 1:
            raise BadInput(
                f"{self.path}: {key} holds several sizes: {', '.join(map(str, sizes)):.60}",
                hint="write a config.json with the sizes of one layer",
            )
        return sizes[0]

    def _by_layer(self, key: str) -> list[Any]:
        """The value of a key, or those of its list, and those of layers of their own."""
        value, layers = self.section[key], self.section.get("per_layer_config")  # transformers 5
        own = layers.values() if isinstance(layers, dict) else []
        named = [layer[key] for layer in own if isinstance(layer, dict) and layer.get(key)]
        return [*(value if isinstance(value, list) else [value]), *named]

    def _checked(self, key: str, value: Any) -> int:
        size = _whole(value)
        if size is None or not 1 <= size <= LARGEST_SIZE:
            raise BadInput(
                f"{self.path}: {key} is {value!r:.60}, and must be a whole number"
                f" from 1 to {LARGEST_SIZE}"
            )
        return size

    def refuse_unknown_widths(self) -> None:
        """Refuse a file whose experts may have a width under a key that is none of KEYS.

        Without this, an expert of an unknown family would get the width of a dense layer. Where no
        key names the inner width, one for the width that experts work on may mean it.
        Raises BadInput, naming key and value.
        """
        if self.keys_of("expert_intermediate_size"):
            pattern, known = _LATENT, _LISTED
        else:
            pattern, known = _EXPERT_WIDTH, _LISTED - {*KEYS["latent_size"]}
        for key, value in self.section.items():
            if key not in known and pattern.match(key) and _whole(value):
                raise BadInput(
                    f"{self.path}: {key} is {value!r:.60}, which may be a width of the experts, and"
                    " the file does not say which",
                    hint="rename it to moe_intermediate_size or moe_latent_size if it is that, or"
                    " remove it",
                )


def read_model_config(path: Path) -> ModelConfig:
    """Read a config.json: the sizes of a multimodal model come from its language model.

    Experts outside the language model go before those in it. Raises BadInput if the file cannot be
    read, is not JSON or holds no object.
    """
    refuse_lfs_pointer(path)
    try:
        config = json.loads(read_bytes(path, _MOST_BYTES), parse_int=_integer)
    except RecursionError as error:
        raise BadInput(f"{path} is no config.json of a model: it is nested too deeply") from error
    except ValueError as error:
        raise BadInput(f"{path} is not JSON: {error}") from error
    if not isinstance(config, dict):
        raise BadInput(f"{path} is no config.json of a model: it holds no object")
    return ModelConfig(path, _language_model(config))


def no_experts(config: ModelConfig) -> BadInput:
    """The refusal of a model without experts: what was looked for, and what comes near it."""
    off = [key for key in (*KEYS["experts"], *_SWITCHES) if key in config.section]
    if off:
        named = ", ".join(f"{key} is {json.dumps(config.section[key]):.60}" for key in off)
        return BadInput(
            f"{config.path} switches experts off: {named}",
            hint="give the config.json of a mixture-of-experts model",
        )
    near = list(_named_like_experts(config.section))
    hint = "give the config.json of a mixture-of-experts model"
    if near:
        hint = "if one of those is the number of experts, rename it to num_experts"
    return BadInput(
        f"{config.path} has no key for the number of experts that this moeprof knows:"
        f" {', '.join(KEYS['experts'])}; keys that look like it:"
        f" {shortened(', '.join(near), 200) or 'none'}",
        hint=hint,
    )


def _language_model(config: dict[str, Any]) -> dict[str, Any]:
    """The part of a config that describes the language model; with experts if one has them."""
    outer = {key: config.get(key) for field in _OUTER_FIELDS for key in KEYS[field]}
    sections = [_flat(config)]
    for names in _LANGUAGE_MODELS:
        nested: Any = config
        for name in names:
            nested = nested.get(name) if isinstance(nested, dict) else None
        if isinstance(nested, dict):
            own = _flat(nested)
            own = {key: own[key] for key in own if own[key] is not None or key not in outer}
            sections.append(outer | own)
    named = (one for one in sections if any(key in one for key in KEYS["experts"]))
    return next(filter(_has_experts, sections), next(named, sections[0]))


def _flat(section: dict[str, Any]) -> dict[str, Any]:
    """A section with the keys of its parts beside its own, which go first."""
    parts = [part for name in _PARTS if isinstance(part := section.get(name), dict)]
    inner = {key: part[key] for part in parts for key in part if key in _LISTED}
    return inner | section


def _named_like_experts(section: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in section.items():
        if isinstance(value, dict) and prefix.count(".") < _NESTED:
            yield from _named_like_experts(value, f"{prefix}{key}.")
        elif re.search("expert|moe", key):
            yield f"{prefix}{key}"


def _whole(value: Any) -> int | None:
    """A whole number from what JSON gives for it: 4096, 4096.0 or "4096"; else None."""
    if isinstance(value, str) and re.fullmatch(f"[0-9]{{1,{_LONGEST_SIZE}}}", value):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if type(value) is int else None


def _integer(digits: str) -> int | str:
    """A number of JSON; its text where no size is so long, for Python refuses 4300 digits."""
    return int(digits) if len(digits) <= _LONGEST_SIZE else digits


def _has_experts(section: Mapping[str, Any]) -> bool:
    """Whether a part of a config names a number of experts other than 0, and has them on."""
    named = any(section.get(key) not in (None, 0, "", [], {}) for key in KEYS["experts"])
    return named and not any(section.get(key) is False for key in _SWITCHES)
