"""Presets: the sizes of one mixture-of-experts layer, from a TOML file or a model's config.json."""

import json
import re
import tomllib
from dataclasses import asdict, dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from ..store.errors import BadInput, naming, shortened
from ..store.files import read_text
from ..store.model_config import KEYS, LARGEST_SIZE, ModelConfig, no_experts, read_model_config
from .config_quantization import four_bit_group_size, quantization_method

PRESETS: Final = ("small", "mixtral-8x7b", "qwen3-30b-a3b", "deepseek-v3")
DTYPES: Final = ("float32", "bfloat16", "float16")
OPTIONAL_SIZES: Final = ("shared_ffn", "heads", "kv_heads", "head_dim")

_SIZES: Final = ("hidden", "ffn", "experts", "top_k", "weight_bits", "group_size")
_EXAMPLE: Final = "see one that fits: moeprof scenario small"
_OWN_SIZES: Final = "write the sizes of its layer as TOML: see `moeprof scenario small`"
_MOST_BYTES: Final = 1 << 13  # it takes nine lines, and reading a key takes its length squared
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_GROUP_SIZES: Final = (128, 64, 32, 16, 8)  # tried in this order
_DTYPE_NAMES: Final = {"bf16": "bfloat16", "fp16": "float16", "half": "float16",
                       "float": "float32", "fp32": "float32"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Preset:
    """Sizes of one mixture-of-experts layer.

    `hidden` is the width of the activations, `ffn` the inner width of one expert. `dtype` is the
    dtype of activations and of weights that are not quantised; quantised weights have
    `weight_bits` bits and one scale per `group_size` neighbours. `source` says where the sizes were
    published.

    `shared_ffn` is the inner width of all shared experts together, None without any. `heads` query
    heads and `kv_heads` key and value heads of `head_dim` elements are those of attention; None
    where they are not known, or where attention is latent (MLA) and has no such sizes.

    Raises BadInput, naming the key, for a size that is no positive integer, a bad name or dtype, a
    top_k above the number of experts, or a group size that does not divide both widths.
    """

    name: str
    source: str
    hidden: int
    ffn: int
    experts: int
    top_k: int
    dtype: str
    weight_bits: int
    group_size: int
    shared_ffn: int | None = None
    heads: int | None = None
    kv_heads: int | None = None
    head_dim: int | None = None

    def __post_init__(self) -> None:
        for key in (*_SIZES, *(size for size in OPTIONAL_SIZES if getattr(self, size) is not None)):
            value = getattr(self, key)
            if type(value) is not int or not 1 <= value <= LARGEST_SIZE:
                shown = _shown(value)
                raise BadInput(
                    f"{key} is {shown}, and must be a positive integer up to {LARGEST_SIZE}"
                )
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise BadInput(
                f"name is {_shown(self.name)}, and must be of a-z, 0-9, dots, dashes and"
                " underscores"
            )
        if not isinstance(self.source, str) or not self.source.isprintable():
            shown = _shown(self.source)
            raise BadInput(f"source is {shown}, and must be one line of text")
        check_dtype(self.dtype)
        self._check_relations()

    def _check_relations(self) -> None:
        if self.top_k > self.experts:
            raise BadInput(f"top_k is {self.top_k}, and there are only {self.experts} experts")
        given = {
            size: getattr(self, size) is not None for size in ("heads", "kv_heads", "head_dim")
        }
        if any(given.values()) and not all(given.values()):
            lacking = " and ".join(size for size in given if not given[size])
            raise BadInput(f"attention has heads, kv_heads and head_dim, and {lacking} is missing")
        if self.heads is not None and self.kv_heads is not None and self.heads % self.kv_heads:
            raise BadInput(f"heads is {self.heads}, no multiple of kv_heads {self.kv_heads}")
        if self.weight_bits != 4:
            raise BadInput(
                f"weight_bits is {self.weight_bits}, and the kernels know 4-bit weights only"
            )
        if self.group_size % 8:
            raise BadInput(f"group_size is {self.group_size}, and must be a multiple of 8")
        for key in ("hidden", "ffn"):
            if getattr(self, key) % self.group_size:
                raise BadInput(
                    f"{key} is {getattr(self, key)}, no multiple of group_size {self.group_size}"
                )


def _shown(value: object) -> str:
    try:
        return shortened(repr(value))
    except ValueError:  # Python writes no integer of 4300 digits
        return "a number of thousands of digits"


def check_dtype(dtype: str) -> None:
    """Raise BadInput unless `dtype` is one of DTYPES, in which operations are measured."""
    if dtype not in DTYPES:
        raise BadInput(f"dtype is {_shown(dtype)}", hint=f"it must be one of {', '.join(DTYPES)}")


def load_preset(name: str) -> Preset:
    """Load a preset that comes with moeprof. Raises BadInput for an unknown name."""
    if name not in PRESETS:
        raise BadInput(
            f"there is no preset {name!r}",
            hint=f"choose one of {', '.join(PRESETS)}, or give a file of your own with --scenario",
        )
    text = (files(__package__) / f"{name}.toml").read_text(encoding="utf-8")
    return _from_table(tomllib.loads(text), name)


def read_preset(path: Path) -> Preset:
    """Read a preset from a TOML file.

    Raises BadInput if the file cannot be read, is not TOML, lacks a key or has an unknown one, or
    holds a value that breaks a rule of `Preset`.
    """
    try:
        table = tomllib.loads(read_text(path, _MOST_BYTES))
    except ValueError as error:  # it also refuses a number of 4300 digits
        raise BadInput(f"{path} is not TOML: {error}", hint=_EXAMPLE) from error
    except RecursionError as error:
        raise BadInput(f"{path} is no preset: it is nested too deeply", hint=_EXAMPLE) from error
    return _from_table(table, str(path))


def preset_from_config(path: Path) -> Preset:
    """Read the sizes of a published model from its Hugging Face config.json.

    `hidden` is the width that the experts work on, which is not the model's where a latent MoE
    projects down first. A config without a dtype, or with a float8 one, counts as bfloat16. The
    group size is that of the config's own 4-bit quantisation, else the largest of 128, 64, 32, 16,
    8 that divides both widths. Raises BadInput if `read_model_config` does, if the file names no
    experts, if a size is missing or no size, or if a value breaks a rule of `Preset`.
    """
    with naming(path, hint=_OWN_SIZES):
        return _from_config(read_model_config(path))


def _from_config(config: ModelConfig) -> Preset:
    if not config.has_experts:
        raise no_experts(config)
    config.refuse_unknown_widths()
    hidden = _width(config, "latent_size" if config.keys_of("latent_size") else "hidden_size")
    ffn = _width(config, "expert_intermediate_size", "intermediate_size")
    experts, top_k = _required(config, "experts"), _required(config, "top_k")
    if top_k > experts:
        keys = " and ".join(config.keys_of("top_k") + config.keys_of("experts"))
        raise BadInput(f"{config.path} takes {top_k} of {experts} experts for a token: see {keys}")
    model = str(config.value("model_type") or "model").lower()
    architectures = config.value("architectures")
    first = architectures[0] if isinstance(architectures, list) else None
    return _checked(
        config.path,
        name=re.sub(r"[^a-z0-9._-]", "-", model).lstrip("._-") or "model",
        source=f"config.json of {first if isinstance(first, str) else model}",
        hidden=hidden,
        ffn=ffn,
        experts=experts,
        top_k=top_k,
        dtype=_dtype(config),
        weight_bits=4,
        group_size=_group_size(config, hidden, ffn),
    )


def assumptions_of(path: Path, preset: Preset) -> tuple[str, ...]:
    """What `preset` holds that the config.json at `path` does not say, a sentence each."""
    config = read_model_config(path)
    method = quantization_method(config.value("quantization"))
    if isinstance(own := config.value("expert_dtype"), str):
        method = ", ".join([*([method] if method else []), f"expert_dtype {own}"])
    groups = f"{preset.weight_bits} bits in groups of {preset.group_size} where weights are packed"
    if four_bit_group_size(config.value("quantization")) == preset.group_size:
        groups += f", as its quantisation ({method}) has"
    elif method is not None:
        groups += f": its own quantisation ({method}) is not modelled"
    else:
        groups += ": the config names no quantisation"
    named = config.value("dtype")
    notes = [f"{preset.dtype} ({named or 'no dtype'} in the config), and {groups}"]
    if config.size("latent_size") is not None:
        notes.append(
            f"hidden is {preset.hidden}, the latent width that the experts work on; the model's is"
            f" {config.value('hidden_size')}"
        )
    if config.keys_of("zero_experts"):
        notes.append(
            f"{config.value('zero_experts')} experts that only copy their input are not counted, so"
            f" fewer than {preset.top_k} experts compute for a token"
        )
    return tuple(notes)


def to_toml(preset: Preset) -> str:
    """Return a preset as TOML, which `read_preset` reads."""
    # JSON and TOML write printable strings and integers alike.
    rows = (
        f"{key} = {json.dumps(value, ensure_ascii=False)}"
        for key, value in asdict(preset).items()
        if value is not None
    )
    return "\n".join(rows) + "\n"


def _from_table(table: dict[str, Any], where: object) -> Preset:
    known = [field.name for field in fields(Preset)]
    for key in table:
        if key not in known:
            raise BadInput(
                f"{where} has an unknown key {shortened(key)!r}", hint=f"known: {', '.join(known)}"
            )
    for key in known:
        if key not in table and key not in OPTIONAL_SIZES:
            raise BadInput(f"{where} lacks the key {key!r}", hint=_EXAMPLE)
    return _checked(where, **table)


def _checked(where: object, **values: Any) -> Preset:
    with naming(where, hint=_EXAMPLE):
        return Preset(**values)


def _required(config: ModelConfig, *fields: str) -> int:
    """The first of these sizes that the config has. Raises BadInput, naming the keys, if none."""
    size = config.size(*fields)
    if size is None:
        keys = [key for field in fields for key in KEYS[field]]
        raise BadInput(f"{config.path} lacks {' or '.join(keys)}")
    return size


def _width(config: ModelConfig, *fields: str) -> int:
    """A width of packed weights. Raises BadInput, naming the key, for no multiple of 8."""
    width = _required(config, *fields)
    if width % _GROUP_SIZES[-1]:
        key = next(key for field in fields for key in config.keys_of(field))
        raise BadInput(
            f"{config.path}: {key} is {width}, and must be a multiple of {_GROUP_SIZES[-1]}, the"
            " 4-bit weights in a word"
        )
    return width


def _dtype(config: ModelConfig) -> str:
    """The dtype of activations: bfloat16 where the config names none, or that of weights alone."""
    dtype = config.value("dtype")
    if not isinstance(dtype, str):
        return "bfloat16" if dtype is None else dtype
    name = dtype.lower().removeprefix("torch.")
    return "bfloat16" if name.startswith(("float8", "fp8")) else _DTYPE_NAMES.get(name, name)


def _group_size(config: ModelConfig, hidden: int, ffn: int) -> int:
    """The config's own size of 4-bit groups, or one of _GROUP_SIZES; 8 divides both widths."""
    own = four_bit_group_size(config.value("quantization"))
    sizes = _GROUP_SIZES if own is None or own % 8 else (own, *_GROUP_SIZES)
    return next(size for size in sizes if hidden % size == ffn % size == 0)
