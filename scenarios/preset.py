"""Presets: the sizes of one mixture-of-experts layer, from a TOML file or a model's config.json."""

import json
import re
import tomllib
from dataclasses import asdict, dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from ..store.errors import BadInput

PRESETS: Final = ("small", "mixtral-8x7b", "qwen3-30b-a3b", "deepseek-v3")
DTYPES: Final = ("float32", "bfloat16", "float16")

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_GROUP_SIZES: Final = (128, 64, 32, 16, 8)  # tried in this order for a model that names none

# Keys of config.json by what they mean; the first that is there counts.
_CONFIG_KEYS: Final = {
    "hidden": ("hidden_size",),
    "ffn": ("moe_intermediate_size", "intermediate_size"),
    "experts": ("num_local_experts", "num_experts", "n_routed_experts"),
    "top_k": ("num_experts_per_tok", "experts_per_token"),
}
_DTYPE_KEYS: Final = ("dtype", "torch_dtype")
_OUTER_KEYS: Final = ("model_type", "architectures", *_DTYPE_KEYS)  # may stand beside text_config


@dataclass(frozen=True, slots=True)
class Preset:
    """Sizes of one mixture-of-experts layer.

    `hidden` is the width of the activations, `ffn` the inner width of one expert. `dtype` is that
    of activations and of weights that are not quantised; quantised ones have `weight_bits` bits
    and a scale per `group_size` neighbours. `source` says where the sizes were published.

    Raises BadInput, naming the key, for a size that is no positive integer, a name or dtype that
    is none, a top_k above the experts, or a group size that does not divide both widths.
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

    def __post_init__(self) -> None:
        for key in ("hidden", "ffn", "experts", "top_k", "weight_bits", "group_size"):
            value = getattr(self, key)
            if type(value) is not int or value < 1:
                raise BadInput(f"{key} is {value!r}, and must be a positive integer")
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise BadInput(
                f"name is {self.name!r}, and must be of a-z, 0-9, dots, dashes and underscores"
            )
        if not isinstance(self.source, str) or not self.source.isprintable():
            raise BadInput(f"source is {self.source!r}, and must be one line of text")
        check_dtype(self.dtype)
        self._check_relations()

    def _check_relations(self) -> None:
        if self.top_k > self.experts:
            raise BadInput(f"top_k is {self.top_k}, and there are only {self.experts} experts")
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


def check_dtype(dtype: str) -> None:
    """Raise BadInput unless `dtype` is one that operations are measured in."""
    if dtype not in DTYPES:
        raise BadInput(f"dtype is {dtype!r}", hint=f"it must be one of {', '.join(DTYPES)}")


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

    Raises BadInput where the file cannot be read, is no TOML, lacks a key or has one too many, or
    holds a value that breaks a rule of `Preset`.
    """
    try:
        table = tomllib.loads(_text_of(path))
    except tomllib.TOMLDecodeError as error:
        raise BadInput(
            f"{path} is not TOML: {error}", hint="print one with `moeprof scenario small`"
        ) from error
    return _from_table(table, str(path))


def preset_from_config(path: Path) -> Preset:
    """Read the sizes of a published model from its Hugging Face config.json.

    The config of a multimodal model is looked for in its text_config. A config that names no dtype
    is taken for bfloat16. The group size is the largest of 128, 64, 32, 16, 8 that divides both
    widths. Raises BadInput where the file is no such config, is of a dense model or lacks a size.
    """
    try:
        config = json.loads(_text_of(path))
    except ValueError as error:
        raise BadInput(f"{path} is not JSON: {error}") from error
    if not isinstance(config, dict):
        raise BadInput(f"{path} is no config.json of a model: it holds no object")
    nested = config.get("text_config")
    if isinstance(nested, dict) and _first(config, _CONFIG_KEYS["experts"]) is None:
        outer = {key: config.get(key) for key in _OUTER_KEYS}
        config = outer | {key: value for key, value in nested.items() if value is not None}
    sizes = {key: _size(config, key, path) for key in ("experts", "hidden", "ffn", "top_k")}
    model = str(config.get("model_type") or "model").lower()
    architectures = config.get("architectures")
    architecture = architectures[0] if architectures and type(architectures) is list else model
    return _checked(
        path,
        name=re.sub(r"[^a-z0-9._-]", "-", model).lstrip("._-") or "model",
        source=f"config.json of {architecture}",
        dtype=_first(config, _DTYPE_KEYS) or "bfloat16",
        weight_bits=4,
        group_size=_group_size(sizes["hidden"], sizes["ffn"]),
        **sizes,
    )


def to_toml(preset: Preset) -> str:
    """Write a preset as TOML, as `read_preset` reads it."""
    # A printable string and an integer are written alike in JSON and in TOML.
    rows = (
        f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in asdict(preset).items()
    )
    return "\n".join(rows) + "\n"


def _from_table(table: dict[str, Any], where: object) -> Preset:
    known = [field.name for field in fields(Preset)]
    for key in table:
        if key not in known:
            raise BadInput(f"{where} has an unknown key {key!r}", hint=f"known: {', '.join(known)}")
    for key in known:
        if key not in table:
            raise BadInput(f"{where} lacks the key {key!r}")
    return _checked(where, **table)


def _checked(where: object, **values: Any) -> Preset:
    try:
        return Preset(**values)
    except BadInput as error:
        raise BadInput(f"{where}: {error.message}", hint=error.hint) from None


def _size(config: dict[str, Any], meaning: str, path: Path) -> Any:
    keys = _CONFIG_KEYS[meaning]
    value = _first(config, keys)
    if value is not None:
        return value
    if meaning == "experts":
        raise BadInput(
            f"{path} is of a dense model: it has none of {', '.join(keys)}",
            hint="give the config.json of a mixture-of-experts model",
        )
    raise BadInput(f"{path} lacks {' or '.join(keys)}")


def _first(config: dict[str, Any], keys: tuple[str, ...]) -> Any:
    """Value of the first key that is there; a 0 or null is how a config says that it has none."""
    return next((config[key] for key in keys if config.get(key)), None)


def _group_size(hidden: Any, ffn: Any) -> int:
    """Largest usual group that divides both widths; without one the last, which is then refused."""
    if type(hidden) is int and type(ffn) is int:
        fitting = (size for size in _GROUP_SIZES if hidden % size == ffn % size == 0)
        return next(fitting, _GROUP_SIZES[-1])
    return _GROUP_SIZES[-1]


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8 text") from error
