"""A published model's `config.json`, as Hugging Face's transformers writes it.

This is the one reader of such files. Models name the same size by different keys: spellings.py.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ...store.errors import BadInput, shortened
from ...store.files import read_bytes, refuse_lfs_pointer
from ..preset import LARGEST_SIZE
from .spellings import (
    KEYS,
    LANGUAGE_MODELS,
    NO_LANGUAGE,
    OUTER_FIELDS,
    PARTS,
    SWITCHES,
    TOP_K_OF_TYPE,
)

_MOST_BYTES: Final = 32 << 20  # one that lists each quantised layer has 5 MB
_LONGEST_SIZE: Final = 18  # digits
_NESTED: Final = 5  # objects in objects that are searched for keys
MAY_BE_0: Final = (
    "latent_size", "shared_experts", "shared_intermediate_size", "q_lora_rank", "kv_lora_rank",
    "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim",
)  # fmt: skip
_FLAT: Final = (*PARTS, "quantization_config", "per_layer_config", "rope_scaling")
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

    `section` holds its keys, those of its parts beside them, and `part` says where in the file it
    stands: "" at the top, else such as "text_config". `others` are the names of the file's other
    objects. A field is None if the file lacks it or has null or an empty value there. Sizes are
    checked where they are asked for, so that a strange value in a field that nobody needs costs
    nothing.
    """

    path: Path
    section: Mapping[str, Any]
    part: str = ""
    others: tuple[str, ...] = ()

    @property
    def has_experts(self) -> bool:
        """Whether the file names more than one expert, and has them switched on."""
        return _has_experts(self.section)

    def value(self, field: str) -> Any:
        """The first value of a field, as it stands in the file; None if there is none."""
        return next((self.section[key] for key in self.keys_of(field)), None)

    def keys_of(self, field: str) -> list[str]:
        """Keys of a field that the file has, with values that are not empty.

        A latent size of 0 is empty: it says that the experts work on the hidden size. No shared
        experts, or of no width, are none. Widths of latent attention are 0 where it is not latent.
        """
        empty = (None, "", [], {}, *((0,) if field in MAY_BE_0 else ()))
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
        """The one size of all layers under a key; of a list by modality that of the first."""
        sizes = list(dict.fromkeys(self._checked(key, value) for value in self._by_layer(key)))
        if len(sizes) > 1 and not self.is_by_modality(key):
            raise BadInput(
                f"{self.path}: {key} holds several sizes: {', '.join(map(str, sizes)):.60}",
                hint="write a config.json with the sizes of one layer",
            )
        return sizes[0]

    def is_by_modality(self, key: str) -> bool:
        """Whether a list has an entry for the text and others, as ERNIE 4.5 VL has."""
        value, layers = self.section.get(key), _whole(self.value("layers"))
        other = any(re.search(NO_LANGUAGE, name) for name in self.others)
        return isinstance(value, list) and other and layers not in (None, len(value))

    def _by_layer(self, key: str) -> list[Any]:
        """The value of a key, or those of its list, and those of layers of their own.

        A layer with 0 has none.
        """
        value, layers = self.section[key], self.section.get("per_layer_config")  # transformers 5
        if isinstance(value, list) and any(_whole(one) != 0 for one in value):
            value = [one for one in value if _whole(one) != 0]
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
            if key not in known and pattern.match(key.rpartition(".")[2]) and _whole(value):
                raise BadInput(
                    f"{self.path}: {key} is {value!r:.60}, which may be a width of the experts, and"
                    " the file does not say which",
                    hint="rename it to moe_intermediate_size or moe_latent_size if it is that, or"
                    " remove it",
                )


def read_model_config(path: Path) -> ModelConfig:
    """Read a config.json: the sizes of a multimodal model come from its language model.

    Raises BadInput if the file cannot be read, is not JSON or holds no object, and where two of its
    parts have experts of different numbers or widths.
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
    part, section = _language_model(path, config)
    inside = part.partition(".")[0]
    parts = {key for key, value in config.items() if isinstance(value, dict) and key not in _FLAT}
    return ModelConfig(path, section, part, tuple(sorted(parts - {inside})))


def no_experts(config: ModelConfig) -> BadInput:
    """The refusal of a model without experts: what was looked for, and what comes near it."""
    offer = (
        "give the config.json of a mixture-of-experts model, or take the layer of this one as one"
        f" expert: moeprof scenario --from {config.path} --dense"
    )
    off = [key for key in (*KEYS["experts"], *SWITCHES) if key in config.section]
    if off:
        named = ", ".join(f"{key} is {json.dumps(config.section[key]):.60}" for key in off)
        return BadInput(
            f"{config.path} has its experts switched off, or one alone: {named}", hint=offer
        )
    near = named_like_experts(config)
    return BadInput(
        f"{config.path} has no key for the number of experts that this moeprof knows:"
        f" {', '.join(KEYS['experts'])}; keys that look like it:"
        f" {shortened(', '.join(near), 200) or 'none'}",
        hint="if one of those is the number of experts, rename it to num_experts"
        if near
        else offer,
    )


def named_like_experts(config: ModelConfig) -> list[str]:
    """Keys, with a value, that may say that a model has experts; those of nested objects too."""
    return list(_named_like_experts(config.section))


def _language_model(path: Path, config: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Where a config describes the language model, and what it says; with experts if one has them.

    Known places go before others, and without experts those that tell of layers. Raises BadInput
    where two places have experts that differ.
    """
    outer = {key: config[key] for field in OUTER_FIELDS for key in KEYS[field] if key in config}
    found = {"": _flat(config)}
    for name, nested in _nested(config):
        own = _flat(nested)
        own = {key: own[key] for key in own if own[key] is not None or key not in outer}
        found[name] = outer | own
    known = [name for name in ("", *LANGUAGE_MODELS) if name in found]
    with_experts = [name for name in found if _has_experts(found[name])]
    chosen = [name for name in known if name in with_experts] or with_experts
    for other in chosen[1:]:
        _refuse_difference(path, found, chosen[0], other)
    if not chosen:
        named = [one for one in known if any(key in found[one] for key in KEYS["experts"])]
        named += [one for one in known if any(key in found[one] for key in KEYS["layers"])]
        chosen = [next(iter(named), "")]
    return chosen[0], found[chosen[0]]


def _refuse_difference(
    path: Path, found: Mapping[str, Mapping[str, Any]], one: str, other: str
) -> None:
    """Raise BadInput where two parts of a file say different things of their experts."""
    for field in ("experts", "top_k", "expert_intermediate_size"):
        for key in KEYS[field]:
            first, second = found[one].get(key), found[other].get(key)
            if first is not None and second is not None and first != second:
                raise BadInput(
                    f"{path} has experts in two places, and they differ: {key} is {first!r:.60} in"
                    f" {one or 'its outer object'} and {second!r:.60} in {other}",
                    hint="write a config.json with the language model alone",
                )


def _nested(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects in a config, by the path of their keys; known places of language models first."""
    first = {name: at for at, name in enumerate(LANGUAGE_MODELS)}
    inner = {key: value for key, value in config.items() if isinstance(value, dict)}
    for key in sorted(inner, key=lambda key: first.get(f"{prefix}{key}", len(first))):
        if key not in _FLAT and prefix.count(".") < _NESTED and not re.search(NO_LANGUAGE, key):
            yield f"{prefix}{key}", inner[key]
            yield from _nested(inner[key], f"{prefix}{key}.")


def _flat(section: dict[str, Any]) -> dict[str, Any]:
    """A section with the keys of its parts beside its own, which go first.

    Keys of a part that are no spelling of anything keep the name of the part before theirs.
    """
    parts = {name: part for name in PARTS if isinstance(part := section.get(name), dict)}
    inner = {
        key if key in _LISTED else f"{name}.{key}": part[key]
        for name, part in parts.items()
        for key in part
    }
    return inner | {key: value for key, value in section.items() if key not in parts}


def _named_like_experts(section: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in section.items():
        if isinstance(value, dict) and prefix.count(".") < _NESTED:
            yield from _named_like_experts(value, f"{prefix}{key}.")
        elif re.search("expert|moe", key) and value not in (None, False, 0, "", []):
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
    """Whether a part of a config names more than one expert, and has them on."""
    counts = [section.get(key) for key in KEYS["experts"]]
    named = any(count not in (None, "", {}) and not _is_dense(count) for count in counts)
    return named and not any(section.get(key) is False for key in SWITCHES)


def _is_dense(count: Any) -> bool:
    """Whether a number of experts, or each of a list by layer, is 0 or 1."""
    return all(_whole(one) in (0, 1) for one in (count if isinstance(count, list) else [count]))
