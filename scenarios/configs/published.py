"""The preset of a published model, from its Hugging Face config.json, and what that leaves out."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...store.errors import BadInput, naming, shortened
from ..preset import Preset
from .attention import attention_sizes
from .families import shared_width
from .ignored import ignored_fields
from .layer_form import layer_form
from .layers import KEYS_OF_LAYERS, layers_with_experts
from .model_config import ModelConfig, named_like_experts, no_experts, read_model_config
from .shared_parts import shared_ffn
from .spellings import KEYS, SWITCHES
from .weights import GROUP_SIZES, expert_weights

_OWN_SIZES: Final = "write the sizes of its layer as TOML: see `moeprof scenario small`"
_DTYPE_NAMES: Final = {"bf16": "bfloat16", "fp16": "float16", "half": "float16",
                       "float": "float32", "fp32": "float32"}  # fmt: skip
_READ: Final = (
    *("model_type", "architectures", "model_name", "layers", "dtype", "quantization"),
    *("hidden_size", "experts", "top_k", "expert_dtype", "zero_experts"),
    *("shared_experts", "shared_intermediate_size"),
    *("scoring", "topk_method", "routing_bias", "renormalise", "groups", "kept_groups"),
    *("activation", "clip_limit"),
)
_TOLD_OF_DENSE: Final = (
    "its layer counts as one expert that every token goes to",
    "--ops layer measures its two products and its activation",
)
# Where huggingface_hub keeps a model's files; and a model as it is named there.
_IN_CACHE: Final = re.compile(r"/models--([\w.-]+?)--([\w.-]+)/snapshots/([0-9a-f]{40})/")
_REPOSITORY: Final = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True, slots=True)
class Published:
    """A preset from a model's config.json.

    `assumptions` say what the preset holds that the file does not say, and why each field of the
    file that does not count is ignored, a sentence each.
    """

    preset: Preset
    assumptions: tuple[str, ...]


def published_preset(path: Path, *, dense: bool = False, ranks: int = 1) -> Published:
    """Read the sizes of a published model from its Hugging Face config.json.

    `hidden` is the width that the experts work on, which is not the model's where a latent MoE
    projects down first. A config without a dtype, or with a float8 one, counts as bfloat16. Experts
    have the config's own format where there are kernels for it (weights.py). With `dense`, the
    layer of a model without experts counts as one expert that every token goes to. The preset is of
    the whole layer; packed weights whose groups the file does not say have such as one of so many
    `ranks` of tensor parallelism can have too.

    Raises BadInput if `read_model_config` does, if the file names no experts or, with `dense`,
    any, if a size is missing, no size or contradicts another, if its rules leave no layer with
    experts, or if a value breaks a rule of `Preset`.
    """
    with naming(path, hint=_OWN_SIZES):
        config = read_model_config(path)
        (_check_dense if dense else _check_experts)(config)
        return _published(config, dense, ranks)


def _check_experts(config: ModelConfig) -> None:
    if not config.has_experts:
        raise no_experts(config)
    config.refuse_unknown_widths()


def _check_dense(config: ModelConfig) -> None:
    """Raise BadInput for a model with experts, or with keys that may be of experts."""
    if config.has_experts:
        count = config.value("experts")
        raise BadInput(f"{config.path} has {count!r:.40} experts", hint="leave --dense out")
    near = (
        [] if any(key in config.section for key in KEYS["experts"]) else named_like_experts(config)
    )
    if near:
        raise BadInput(
            f"{config.path} may have experts: {shortened(', '.join(near), 200)}",
            hint="rename the number of experts to num_experts, or remove these keys",
        )


def _published(config: ModelConfig, dense: bool, ranks: int) -> Published:
    hidden_field = _first_named(config, "latent_size", "hidden_size", "other_hidden_size")
    widths = ("intermediate_size", "other_intermediate_size")
    ffn_field = _first_named(config, *(() if dense else ("expert_intermediate_size",)), *widths)
    hidden, ffn = _width(config, hidden_field), _width(config, ffn_field)
    experts, top_k = (1, 1) if dense else _routing(config)
    shared, why_not_shared = (None, None) if dense else shared_ffn(config, ffn)
    attention, told_of_attention = attention_sizes(config)
    form, told_of_form = layer_form(config, dense=dense)
    name, source = _origin(config)
    dtype = _dtype(config)
    weights = expert_weights(config, dtype, (hidden, ffn, *([shared] if shared else [])), ranks)
    preset = Preset(
        name=name,
        source=source,
        hidden=hidden,
        ffn=ffn,
        experts=experts,
        top_k=top_k,
        dtype=dtype,
        weight_bits=weights.bits,
        group_size=weights.group_size,
        weight_format=weights.weight_format,
        shared_ffn=shared,
        **attention,  # type: ignore[arg-type]  # its keys are sizes
        **form,
    )
    layers = None if dense else layers_with_experts(config)
    told: list[str | None] = [
        weights.told,
        *(_TOLD_OF_DENSE if dense else (layers,)),
        f"the sizes are those of {config.part}" if config.part else None,
        _told_of_latent_width(config, preset) if hidden_field == "latent_size" else None,
        why_not_shared or (_told_of_shared(config, shared) if shared else None),
        *told_of_attention,
        *told_of_form,
        *_told_of_lists(config),
        _told_of_zero_experts(config, preset),
    ]
    used = {
        key
        for field in (*_READ, *attention, hidden_field, ffn_field)
        for key in config.keys_of(field)
    }
    used |= {*SWITCHES, *(KEYS_OF_LAYERS if layers else ())}
    said = tuple(filter(None, told))
    used |= {key for key in re.findall(r"\w+_\w+", " ".join(said)) if key in config.section}
    return Published(preset, (*said, *ignored_fields(config, used)))


def _first_named(config: ModelConfig, *fields: str) -> str:
    """The first of these fields that the config has. Raises BadInput, naming the keys, if none."""
    named = next((field for field in fields if config.keys_of(field)), None)
    if named is None:
        raise _missing(config, *(field for field in fields if field != "latent_size"))
    return named


def _routing(config: ModelConfig) -> tuple[int, int]:
    experts, top_k = _required(config, "experts"), _required(config, "top_k")
    if top_k > experts:
        keys = " and ".join(config.keys_of("top_k") + config.keys_of("experts"))
        raise BadInput(f"{config.path} takes {top_k} of {experts} experts for a token: see {keys}")
    return experts, top_k


def _origin(config: ModelConfig) -> tuple[str, str]:
    """The name of the model, and where its config.json is from, as far as the file shows it."""
    model = str(config.value("model_type") or "model")
    architectures = config.value("architectures")
    first = architectures[0] if isinstance(architectures, list) else None
    source = f"config.json of {first if isinstance(first, str) else model.lower()}"
    named = config.value("model_name")
    if cached := _IN_CACHE.search(str(config.path.absolute())):
        owner, model, revision = cached.groups()
        source = f"https://huggingface.co/{owner}/{model}/blob/{revision}/config.json"
    elif isinstance(named, str) and _REPOSITORY.fullmatch(named):
        source, model = f"config.json of {named}", named.partition("/")[2]
    return re.sub(r"[^a-z0-9._-]", "-", model.lower()).lstrip("._-") or "model", source


def _told_of_lists(config: ModelConfig) -> list[str]:
    return [
        f"{key} is {config.section[key]!r:.60}: the first is taken, as the language model's"
        for field in ("expert_intermediate_size", "experts", "top_k")
        for key in config.keys_of(field)
        if config.is_by_modality(key)
    ]


def _told_of_shared(config: ModelConfig, width: int) -> str | None:
    """Where a shared expert is from that no key of the file counts or measures."""
    if config.keys_of("shared_experts") or config.keys_of("shared_intermediate_size"):
        return None
    field, says = shared_width(config)
    keys = ", ".join(config.keys_of(str(field)))
    return f"every token goes to a shared expert of {width} ({keys}) too, {says}"


def _told_of_latent_width(config: ModelConfig, preset: Preset) -> str:
    return (
        f"hidden is {preset.hidden}, the latent width that the experts work on; the model's is"
        f" {config.value('hidden_size')}"
    )


def _told_of_zero_experts(config: ModelConfig, preset: Preset) -> str | None:
    if not config.keys_of("zero_experts"):
        return None
    return (
        f"{config.value('zero_experts')} experts that only copy their input are not counted, so"
        f" fewer than {preset.top_k} experts compute for a token"
    )


def _required(config: ModelConfig, field: str) -> int:
    """A size that the config must have. Raises BadInput, naming the keys, if it has not."""
    size = config.size(field)
    if size is None:
        raise _missing(config, field)
    return size


def _missing(config: ModelConfig, *fields: str) -> BadInput:
    keys = [key for field in fields for key in KEYS[field]]
    near = [key for key in named_like_experts(config) if key not in config.keys_of("experts")]
    looks = f"; keys that may mean it: {shortened(', '.join(near), 200)}" if near else ""
    return BadInput(f"{config.path} lacks {' or '.join(keys)}{looks}")


def _width(config: ModelConfig, field: str) -> int:
    """A width of packed weights. Raises BadInput, naming the key, for no multiple of 8."""
    width = _required(config, field)
    if width % GROUP_SIZES[-1]:
        raise BadInput(
            f"{config.path}: {config.keys_of(field)[0]} is {width}, and must be a multiple of"
            f" {GROUP_SIZES[-1]}, the 4-bit weights in a word"
        )
    return width


def _dtype(config: ModelConfig) -> str:
    """The dtype of activations: bfloat16 where the config names none, or that of weights alone.

    Raises BadInput where it names two.
    """
    named = {key: config.section[key] for key in config.keys_of("dtype")}
    dtypes = {key: _dtype_named(value) for key, value in named.items()}
    first = next(iter(dtypes.values()), "bfloat16")
    if any(dtype != first for dtype in dtypes.values()):
        said = " and ".join(f"{key} {value!r:.40}" for key, value in named.items())
        raise BadInput(f"{config.path} names two dtypes: {said}")
    return first


def _dtype_named(dtype: object) -> str:
    if not isinstance(dtype, str):
        return dtype  # type: ignore[return-value]  # Preset refuses it by its value
    name = dtype.lower().removeprefix("torch.")
    return "bfloat16" if name.startswith(("float8", "fp8")) else _DTYPE_NAMES.get(name, name)
