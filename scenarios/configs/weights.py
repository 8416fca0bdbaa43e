"""How a model stores its experts' weights, and in which format they are measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...kernels.formats.names import SYMMETRIC, sizes_of
from .model_config import ModelConfig
from .quantization import OwnFormat, four_bit_group_size, own_format, quantization_method

GROUP_SIZES: Final = (128, 64, 32, 16, 8)  # tried in this order


@dataclass(frozen=True, slots=True)
class ExpertWeights:
    """`weight_format`, `bits` and `group_size` as a preset has them.

    `told` says where they are from. Without a format of its own, or one that has kernels, a preset
    has 4 bits for the operations on packed weights alone.
    """

    weight_format: str | None
    bits: int
    group_size: int
    told: str


def expert_weights(
    config: ModelConfig, dtype: str, widths: Sequence[int], ranks: int = 1
) -> ExpertWeights:
    """The weights of experts whose inputs are of these widths: hidden, ffn, and of shared ones.

    A format whose groups do not divide all of them is not taken. Groups are then those of the
    config's own 4-bit quantisation, else the largest of GROUP_SIZES that divides hidden and the
    share of ffn that each of so many `ranks` has.
    """
    method, own = _method(config), _own(config)
    hidden, ffn = widths[:2]
    group = _group_size(config, (hidden, ffn // ranks if ranks > 0 else ffn))
    said = f"{dtype} ({config.value('dtype') or 'no dtype'} in the config)"
    if own.name is not None:
        sizes = sizes_of(own.name)
        shared = sizes.group or own.group or group
        why = _why_not(own.name, shared, widths)
        if why is None:
            told = f"{said}, and experts in {own.name}, as its quantisation ({method}) has"
            if own.group is not None:
                told += f", in groups of {own.group}"
            return ExpertWeights(own.name, sizes.bits, shared, told)
        own = OwnFormat(why=why)
    groups = f"{said}, and 4 bits in groups of {group} where weights are packed"
    if method is None:
        return ExpertWeights(None, 4, group, f"{groups}: the config names no quantisation")
    told = f"{groups}: its own quantisation ({method}) is not modelled: {own.why}"
    return ExpertWeights(None, 4, group, told)


def _method(config: ModelConfig) -> str | None:
    method = quantization_method(config.value("quantization"))
    if isinstance(own := config.value("expert_dtype"), str):
        return ", ".join([*([method] if method else []), f"expert_dtype {own}"])
    return method


def _own(config: ModelConfig) -> OwnFormat:
    if isinstance(own := config.value("expert_dtype"), str):
        return OwnFormat(why=f"what expert_dtype {own!r:.20} means is not known")
    return own_format(config.value("quantization"))


def _why_not(name: str, group: int, widths: Sequence[int]) -> str | None:
    """Why a preset cannot have a format; None where it can."""
    if group % 8:
        return f"groups of {group} are no multiple of 8"
    for width in widths:
        if width % group:
            return f"{width} is no multiple of its {group} weights per scale"
    if name not in SYMMETRIC and widths[0] % 16:
        return f"{widths[0]} is no multiple of 16, which the kernels of {name} need"
    return None


def _group_size(config: ModelConfig, widths: Sequence[int]) -> int:
    """The config's own size of 4-bit groups, or one of GROUP_SIZES; 8 where none divides."""
    own = four_bit_group_size(config.value("quantization"))
    sizes = GROUP_SIZES if own is None or own % 8 else (own, *GROUP_SIZES)
    fitting = (size for size in sizes if not any(width % size for width in widths))
    return next(fitting, GROUP_SIZES[-1])
