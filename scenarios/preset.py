"""Presets: the sizes of one mixture-of-experts layer, from a TOML file or a model's config.json."""

import json
import re
import tomllib
from collections.abc import Iterable
from dataclasses import MISSING, asdict, dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from ..kernels.formats.names import SYMMETRIC, sizes_of
from ..stats.routing.distribution import UNIFORM, distribution
from ..store.errors import BadInput, naming, shortened
from ..store.files import read_text
from .expert_loads import active_loads

PRESETS: Final = (
    *("small", "mixtral-8x7b", "qwen3-30b-a3b", "deepseek-v3"),
    *("gpt-oss-120b", "glm-4.5-air", "kimi-k2", "llama-3.1-8b"),
)
UNPACKED_BITS: Final = 16  # weights that are not quantised
DTYPES: Final = ("float32", "bfloat16", "float16")
CONTEXT: Final = 1024  # tokens of a sequence in the cache, unless a preset names others
LARGEST_SIZE: Final = 1 << 20  # no width and no number of experts comes near it
_GROUPED: Final = ("heads", "kv_heads", "head_dim")
_LATENT: Final = ("heads", "kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim")
OPTIONAL_SIZES: Final = (
    "shared_ffn", *_GROUPED, "q_lora_rank", *_LATENT[1:], "local_experts",
)  # fmt: skip
BY_GROUP: Final = ("topk_grouped", "topk_biased")  # routers whose picks lie in the best groups
ROUTERS: Final = ("topk", "topk_softmax", "topk_sigmoid", *BY_GROUP)
ACTIVATIONS: Final = ("silu", "gelu", "clipped")

_SIZES: Final = (
    "hidden", "ffn", "experts", "top_k", "weight_bits", "group_size", "groups", "kept_groups",
    "context", "tensor_parallel",
)  # fmt: skip
_EXAMPLE: Final = "see one that fits: moeprof scenario small"
_MOST_BYTES: Final = 1 << 13  # it takes nine lines, and reading a key takes its length squared
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Preset:
    """Sizes of one mixture-of-experts layer.

    `hidden` is the width of the activations, `ffn` the inner width of one expert. `dtype` is the
    dtype of activations and of weights that are not quantised; quantised weights have
    `weight_bits` bits and one scale per `group_size` neighbours. `source` says where the sizes were
    published.

    `shared_ffn` is the inner width of all shared experts together, None without any. Attention has
    `heads` query heads, and `kv_heads` key and value heads of `head_dim` elements; all None where
    they are not known. Latent attention (MLA; DeepSeek-V2, arXiv 2405.04434, section 2.1) has, in
    place of the last two, keys and values in `kv_lora_rank` elements of a token and
    `qk_rope_head_dim` of its position, which all heads share; keys of a head expand to
    `qk_nope_head_dim` beside those of the position, its values to `v_head_dim`. Queries go through
    `q_lora_rank` elements, None where they are projected at once. `context` is the number of tokens
    that each sequence has in the cache. `local_experts` are those that lie on this rank where
    experts are spread over several; None where all do. `tensor_parallel` is the number of ranks
    that share each product, of which the sizes are one's: it says what is to be added up between
    them.

    `router` is the operation that picks the experts, `activation` what a gated expert does to its
    two halves: one of ROUTERS, one of ACTIVATIONS. Experts form `groups`, of which a token's picks
    lie in `kept_groups`. `routing` distributes tokens over experts: see `distribution`.
    `weight_format` is one of kernels/formats/names.py, in which the layer's experts have their
    weights; where it is None they are of `dtype`, and operations on packed weights take integers.

    Raises BadInput, naming the key, for a size that is no positive integer, a bad name, dtype or
    routing, an unknown router or activation, a top_k above the number of experts in the kept
    groups, or a group size of packed weights that does not divide both widths.
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
    q_lora_rank: int | None = None
    kv_lora_rank: int | None = None
    qk_nope_head_dim: int | None = None
    qk_rope_head_dim: int | None = None
    v_head_dim: int | None = None
    local_experts: int | None = None
    tensor_parallel: int = 1
    context: int = CONTEXT
    router: str = ROUTERS[0]
    groups: int = 1
    kept_groups: int = 1
    activation: str = ACTIVATIONS[0]
    routing: str = UNIFORM
    weight_format: str | None = None

    @property
    def packed_format(self) -> str:
        """The format of packed weights: integers of `weight_bits` unless the preset names one."""
        return self.weight_format or f"int{self.weight_bits}"

    @property
    def identity(self) -> dict[str, int | None]:
        """The sizes beside the shape that tell operations apart."""
        whole_rows = self.weight_format is not None and sizes_of(self.weight_format).group == 0
        return {
            "weight_bits": self.weight_bits,
            "group_size": None if whole_rows else self.group_size,
            "experts": self.experts,
            "top_k": self.top_k,
        }

    def sizes(self, names: Iterable[str]) -> list[int]:
        """The sizes of these names, in their order; one that is not known is 0."""
        return [getattr(self, name) or 0 for name in names]

    @property
    def held_experts(self) -> int:
        """The experts whose weights this device holds."""
        return self.local_experts or self.experts

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
        for key, known in (("router", ROUTERS), ("activation", ACTIVATIONS)):
            if getattr(self, key) not in known:
                shown = _shown(getattr(self, key))
                raise BadInput(f"{key} is {shown}", hint=f"it must be one of {', '.join(known)}")
        self._check_relations()
        if not isinstance(self.routing, str):
            raise BadInput(f"routing is {_shown(self.routing)}, and must be a text")
        distribution(self.routing, self.experts, self.top_k)

    @property
    def variants(self) -> dict[str, str]:
        """What else than sizes decides the cost of an operation, in words for its key."""
        slug = distribution(self.routing, self.experts, self.top_k).slug
        by_group = self.router in BY_GROUP and self.groups > 1
        kept = f"{self.kept_groups}of{self.groups}" if by_group else ""
        named = "" if self.packed_format in SYMMETRIC else self.weight_format or ""
        return {
            "weight_format": named,
            "router": f"{self.router}{kept}",
            "activation": self.activation,
            "routing": slug,
        }

    def expert_loads(self, tokens: int) -> tuple[int, ...]:
        """The rows of each expert of this rank that gets any, by the routing of `tokens` each."""
        return active_loads(self.routing, tokens, self.experts, self.top_k, self.local_experts)

    def expert_rows(self, tokens: int) -> int:
        """The rows of all experts of this rank: tokens * top_k where it has all experts."""
        return sum(self.expert_loads(tokens))

    def _check_relations(self) -> None:
        if self.top_k > self.experts:
            raise BadInput(f"top_k is {self.top_k}, and there are only {self.experts} experts")
        if self.experts % self.groups or self.kept_groups > self.groups:
            raise BadInput(
                f"{self.experts} experts in {self.groups} groups of which {self.kept_groups} are"
                " kept cannot be: groups are of equal size, and no more are kept than there are"
            )
        if self.top_k > (within := self.experts // self.groups * self.kept_groups):
            raise BadInput(f"top_k is {self.top_k}, and the kept groups have {within} experts")
        if self.held_experts > self.experts:
            raise BadInput(
                f"local_experts is {self.local_experts}, and there are only {self.experts} experts"
            )
        self._check_attention()
        if self.weight_bits not in (4, 8, UNPACKED_BITS):
            raise BadInput(
                f"weight_bits is {self.weight_bits}, and the kernels know packed weights of 4 and 8"
                f" bits only; {UNPACKED_BITS} are not packed"
            )
        if self.weight_format is not None:
            self._check_format(self.weight_format)
        if self.group_size % 8:
            raise BadInput(f"group_size is {self.group_size}, and must be a multiple of 8")
        for key in ("hidden", "ffn"):
            packed = self.weight_bits != UNPACKED_BITS
            if packed and getattr(self, key) % self.group_size:
                raise BadInput(
                    f"{key} is {getattr(self, key)}, no multiple of group_size {self.group_size}"
                )

    def _check_attention(self) -> None:
        sizes = (*_GROUPED, "q_lora_rank", *_LATENT[1:])
        given = [size for size in sizes if getattr(self, size) is not None]
        latent = not {*given} <= {*_GROUPED}
        needed = _LATENT if latent else _GROUPED
        if given and (lacking := [size for size in needed if size not in given]):
            kind = "latent attention" if latent else "attention"
            raise BadInput(
                f"{kind} has {', '.join(needed[:-1])} and {needed[-1]}, and"
                f" {' and '.join(lacking)} is missing"
            )
        if latent and (other := [size for size in _GROUPED[1:] if size in given]):
            raise BadInput(f"latent attention has no {' and no '.join(other)}: it has kv_lora_rank")
        if self.heads is not None and self.kv_heads is not None and self.heads % self.kv_heads:
            raise BadInput(f"heads is {self.heads}, no multiple of kv_heads {self.kv_heads}")

    def _check_format(self, name: str) -> None:
        sizes = sizes_of(name)
        for key, own in (("weight_bits", sizes.bits), ("group_size", sizes.group)):
            if own and getattr(self, key) != own:
                raise BadInput(f"{key} is {getattr(self, key)}, and {name} has {own}")
        if name not in SYMMETRIC and self.hidden % 16:
            raise BadInput(f"hidden is {self.hidden}, and weights of {name} need a multiple of 16")


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
    for key in (field.name for field in fields(Preset) if field.default is MISSING):
        if key not in table:
            raise BadInput(f"{where} lacks the key {key!r}", hint=_EXAMPLE)
    return _checked(where, **table)


def _checked(where: object, **values: Any) -> Preset:
    with naming(where, hint=_EXAMPLE):
        return Preset(**values)
