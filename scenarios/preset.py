"""Presets: the sizes of one mixture-of-experts layer, from a TOML file or a model's config.json."""

import json
import re
import tomllib
from dataclasses import asdict, dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from ..store.errors import BadInput
from ..store.files import read_text
from ..store.model_config import ModelConfig, keys_of, read_model_config

PRESETS: Final = ("small", "mixtral-8x7b", "qwen3-30b-a3b", "deepseek-v3")
DTYPES: Final = ("float32", "bfloat16", "float16")

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_GROUP_SIZES: Final = (128, 64, 32, 16, 8)  # tried in this order


@dataclass(frozen=True, slots=True)
class Preset:
    """Sizes of one mixture-of-experts layer.

    `hidden` is the width of the activations, `ffn` the inner width of one expert. `dtype` is the
    dtype of activations and of weights that are not quantised; quantised weights have
    `weight_bits` bits and one scale per `group_size` neighbours. `source` says where the sizes were
    published.

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
    """Raise BadInput unless `dtype` is one of DTYPES, in which operations are measured."""
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

    Raises BadInput if the file cannot be read, is not TOML, lacks a key or has an unknown one, or
    holds a value that breaks a rule of `Preset`.
    """
    try:
        table = tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise BadInput(
            f"{path} is not TOML: {error}", hint="print one with `moeprof scenario small`"
        ) from error
    return _from_table(table, str(path))


def preset_from_config(path: Path) -> Preset:
    """Read the sizes of a published model from its Hugging Face config.json.

    A config without a dtype counts as bfloat16. The group size is the largest of 128, 64, 32, 16, 8
    that divides both widths. Raises BadInput if `read_model_config` does, if the model is dense, if
    a size is missing, or if a value breaks a rule of `Preset`.
    """
    config = read_model_config(path)
    if config.experts is None:
        raise BadInput(
            f"{path} is of a dense model: it has none of {', '.join(keys_of('experts'))}",
            hint="give the config.json of a mixture-of-experts model",
        )
    hidden = _required(config, path, "hidden_size")
    ffn = _required(config, path, "expert_intermediate_size", "intermediate_size")
    model = str(config.model_type or "model").lower()
    listed = type(config.architectures) is list
    return _checked(
        path,
        name=re.sub(r"[^a-z0-9._-]", "-", model).lstrip("._-") or "model",
        source=f"config.json of {config.architectures[0] if listed else model}",
        hidden=hidden,
        ffn=ffn,
        experts=config.experts,
        top_k=_required(config, path, "top_k"),
        dtype=config.dtype or "bfloat16",
        weight_bits=4,
        group_size=_group_size(hidden, ffn),
    )


def to_toml(preset: Preset) -> str:
    """Return a preset as TOML, which `read_preset` reads."""
    # JSON and TOML write printable strings and integers alike.
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


def _required(config: ModelConfig, path: Path, *names: str) -> Any:
    """The first of these sizes that the config has. Raises BadInput, naming the keys, if none."""
    value = config.size(*names)
    if value is None:
        raise BadInput(f"{path} lacks {' or '.join(keys_of(*names))}")
    return value


def _group_size(hidden: Any, ffn: Any) -> int:
    """The largest of _GROUP_SIZES that divides both widths; else 8, which Preset then refuses."""
    if type(hidden) is int and type(ffn) is int:
        fitting = (size for size in _GROUP_SIZES if hidden % size == ffn % size == 0)
        return next(fitting, _GROUP_SIZES[-1])
    return _GROUP_SIZES[-1]
