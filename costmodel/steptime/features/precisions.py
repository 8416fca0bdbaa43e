"""What a precision means for a model's weights and arithmetic.

An entry names how a served checkpoint stores each part, and on which units a GPU computes it.
"""

from dataclasses import dataclass
from typing import Final

from ....device.peaks import GpuSheet
from ....store.errors import BadInput, shortened
from ....store.serving.whole_model import WholeModel

_BF16: Final = 2.0
_FP8: Final = 1.0
_MXFP4: Final = 0.5 + 1 / 32  # a scale of 8 bits for 32 values (OCP Microscaling 1.0, 2023)
_NVFP4: Final = 0.5 + 1 / 16  # a scale of 8 bits for 16 values
_INT4: Final = 0.5 + 2 / 32  # a scale of 16 bits for 32 values


@dataclass(frozen=True, slots=True)
class Precision:
    """Bytes per parameter of each part, and the type of arithmetic of the attention and the FFN."""

    attention_bytes: float
    dense_bytes: float
    expert_bytes: float
    attention_type: str
    ffn_type: str
    head_bytes: float = _BF16


_PRECISIONS: Final = {
    "bf16": Precision(_BF16, _BF16, _BF16, "bf16", "bf16"),
    "fp8": Precision(_FP8, _FP8, _FP8, "fp8", "fp8"),
    "nvfp4": Precision(_NVFP4, _NVFP4, _NVFP4, "bf16", "fp4"),
    # What NVIDIA publishes of mixture-of-experts models keeps the attention in bf16.
    "nvfp4 of experts": Precision(_BF16, _NVFP4, _NVFP4, "bf16", "fp4"),
    "mxfp4": Precision(_BF16, _BF16, _MXFP4, "bf16", "fp4"),  # gpt-oss: the experts alone
    "mxfp4a": Precision(_FP8, _FP8, _MXFP4, "bf16", "fp4"),  # AMD's: the rest in fp8
    "int4": Precision(_BF16, _BF16, _INT4, "bf16", "bf16"),  # W4A16 of the experts
}
PRECISIONS: Final = tuple(name for name in _PRECISIONS if " " not in name)


def precision_of(name: str, model: WholeModel) -> Precision:
    """The precision `name` of a model. Raises BadInput for an unknown one."""
    if name not in PRECISIONS:
        raise BadInput(
            f"the precision {shortened(name)!r} is unknown", hint=f"known: {', '.join(PRECISIONS)}"
        )
    if name == "nvfp4" and model.experts is not None:
        return _PRECISIONS["nvfp4 of experts"]
    return _PRECISIONS[name]


def flop_per_us(sheet: GpuSheet, arithmetic: str) -> float:
    """Peak FLOP per us of one GPU: what it has no units for is computed in bf16."""
    by_type = {"fp4": sheet.fp4_flops, "fp8": sheet.fp8_flops}
    return (by_type.get(arithmetic) or sheet.half_flops) / 1e6
