"""What a precision means for a model's weights and arithmetic.

A precision names how a served checkpoint stores its feed-forward networks: a model with experts its
experts. How it stores the rest follows from what is published under that name, or from the
quantization_config of the model's own file.
"""

import re
from dataclasses import dataclass
from typing import Final

from ....device.peaks import GpuSheet
from ....store.errors import BadInput, shortened
from ....store.serving.whole_model import StoredFormats, WholeModel
from .parameters import attention_parameters

# Bytes of a weight, and the type that a GPU with units for it computes in.
_FORMATS: Final = {
    "bf16": (2.0, "bf16"),
    "fp8": (1.0, "fp8"),
    "nvfp4": (0.5 + 1 / 16, "fp4"),  # a scale of 8 bits for 16 values
    "nvfp4a16": (0.5 + 1 / 16, "bf16"),  # W4A16 of ModelOpt: unpacked to activations of 16 bits
    "mxfp4": (0.5 + 1 / 32, "fp4"),  # for 32 values (OCP Microscaling Formats 1.0, 2023)
    "int4": (0.5, "bf16"),  # beside its scales; GPTQ and AWQ kernels compute in 16 bits
}
_INT4_SCALE_BYTES: Final = 2.0
_INT4_ZERO_BYTES: Final = 0.5  # AWQ's zero points have 4 bits
_INT4_GROUP: Final = 128  # weights per scale, what GPTQ, AWQ and llm-compressor default to
_KIMI_GROUP: Final = 32  # Kimi K2.5, the public rows' only model in int4

# Of models with experts: what is published keeps the attention of nvfp4 in bf16 (NVIDIA), and all
# but the experts of mxfp4 (gpt-oss) and int4 (Kimi). "mxfp4a" is AMD's, whose rest is fp8.
_WITH_EXPERTS: Final = {
    "nvfp4": StoredFormats("bf16", "nvfp4", "nvfp4"),
    "nvfp4a16": StoredFormats("bf16", "nvfp4a16", "nvfp4a16"),
    "mxfp4": StoredFormats("bf16", "bf16", "mxfp4"),
    "mxfp4a": StoredFormats("fp8", "fp8", "mxfp4"),
    "int4": StoredFormats("bf16", "bf16", "int4", _KIMI_GROUP),
}
PRECISIONS: Final = (*_FORMATS, "mxfp4a")
_OTHER_NAMES: Final = {
    "bfloat16": "bf16", "fp16": "bf16", "float16": "bf16", "half": "bf16", "f16": "bf16",
    "w16a16": "bf16", "float8": "fp8", "fp8e4m3": "fp8", "f8": "fp8", "w8a8fp8": "fp8",
    "fp8block": "fp8", "fp4": "nvfp4", "awq": "int4", "gptq": "int4", "w4a16": "int4",
    "w4a16nvfp4": "nvfp4a16",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Precision:
    """Bytes per parameter of each part, and the type of arithmetic of the attention and the FFN."""

    attention_bytes: float
    dense_bytes: float
    expert_bytes: float
    attention_type: str
    ffn_type: str
    head_bytes: float = 2.0


def precision_name(words: str) -> str:
    """The one name of a precision ("FP8", "float16", "W4A16"); what is unknown stays as it is."""
    reduced = re.sub("[^a-z0-9]", "", words.casefold())
    name = _OTHER_NAMES.get(reduced, reduced)
    return name if name in PRECISIONS else words


def precision_of(name: str, model: WholeModel) -> Precision:
    """The precision `name` of a model; of its own file's, where that has this precision.

    16-bit floats are one. Raises BadInput for an unknown name.
    """
    if name not in PRECISIONS:
        raise BadInput(
            f"the precision {shortened(name)!r} is unknown", hint=f"known: {', '.join(PRECISIONS)}"
        )
    stored = model.stored
    if stored is None or stored_precision(model) != name:
        stored = _published(name, model)
    attention, dense, experts, head = (
        _bytes(part, stored)
        for part in (stored.attention, stored.dense, stored.experts, stored.head)
    )
    kind = stored.attention
    if model.states is not None and stored.states is not None:
        share = model.states.layers * model.states.parameters / max(1, attention_parameters(model))
        attention = share * _state_bytes(stored.states, stored) + (1 - share) * attention
        kind = stored.states if 2 * share > 1 else kind
    ffn = stored.dense if model.experts is None else stored.experts
    types = (_computed(name, kind), _FORMATS[ffn][1])
    return Precision(attention, dense, experts, *types, head)


def _state_bytes(name: str, stored: StoredFormats) -> float:
    """Bytes of a parameter in the mean over the layers with a state."""
    left = stored.states_in_bf16
    return left * _FORMATS["bf16"][0] + (1 - left) * _bytes(name, stored)


def stored_precision(model: WholeModel) -> str | None:
    """The precision that the model's own file has its weights in; None where it does not say."""
    if (stored := model.stored) is None:
        return None
    return stored.dense if model.experts is None else stored.experts


def _published(name: str, model: WholeModel) -> StoredFormats:
    """The formats under a name: of a dense model every layer, whose quantisers leave the head."""
    if model.experts is not None and name in _WITH_EXPERTS:
        return _WITH_EXPERTS[name]
    if name == "mxfp4a":
        return StoredFormats("fp8", "mxfp4", "mxfp4")
    return StoredFormats(name, name, name, _INT4_GROUP if name == "int4" else None)


def _computed(name: str, attention: str) -> str:
    """The type of the attention's arithmetic; AMD's mxfp4 computes it in bf16."""
    return "bf16" if name == "mxfp4a" else _FORMATS[attention][1]


def _bytes(part: str, stored: StoredFormats) -> float:
    """Bytes of a parameter, with its share of a scale; one of a whole row is not counted."""
    size, _ = _FORMATS[part]
    if part != "int4" or stored.group_size == 0:
        return size
    beside = _INT4_SCALE_BYTES + (_INT4_ZERO_BYTES if stored.zero_points else 0.0)
    return size + beside / (stored.group_size or _INT4_GROUP)


def flop_per_us(sheet: GpuSheet, arithmetic: str) -> float:
    """Peak FLOP per us of one GPU: what it has no units for is computed in bf16."""
    return (_unit_flops(sheet, arithmetic) or sheet.half_flops) / 1e6


def computed_in_bf16(precision: Precision, sheet: GpuSheet) -> tuple[str, ...]:
    """The types of arithmetic that a GPU has no units for: bf16 takes their place."""
    types = dict.fromkeys((precision.attention_type, precision.ffn_type))
    return tuple(one for one in types if one != "bf16" and not _unit_flops(sheet, one))


def _unit_flops(sheet: GpuSheet, arithmetic: str) -> float | None:
    return {"fp4": sheet.fp4_flops, "fp8": sheet.fp8_flops}.get(arithmetic)
