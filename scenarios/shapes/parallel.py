"""What one rank holds of a layer that is spread over several devices.

Tensor parallelism splits each product along the inner width of the experts and the heads of
attention (Shoeybi et al. 2019, Megatron-LM, section 3); heads of keys and values are held several
times where there are fewer of them than ranks. Expert parallelism gives each rank whole experts
(Lepikhin et al. 2020, GShard, section 3.2): it routes over all of them, and runs its own.
"""

from dataclasses import replace
from typing import Final

from ...store.errors import BadInput, naming
from ..preset import UNPACKED_BITS, Preset

_TENSOR: Final = "--tensor-parallel"
_EXPERT: Final = "--expert-parallel"


def rank_of(preset: Preset, tensor_parallel: int, expert_parallel: int) -> Preset:
    """Give the layer of one rank; 1 and 1 give `preset` itself.

    `source` says of which sizes it is a part. Raises BadInput for sizes that do not divide, and for
    fewer than one rank.
    """
    for option, ranks in ((_TENSOR, tensor_parallel), (_EXPERT, expert_parallel)):
        if ranks < 1:
            raise BadInput(f"{option} is {ranks}, and must be at least 1")
    if tensor_parallel == expert_parallel == 1:
        return preset
    heads = preset.heads and _part(preset, "heads", _TENSOR, tensor_parallel)
    shared_ffn = preset.shared_ffn and _part(preset, "shared_ffn", _TENSOR, tensor_parallel)
    local = preset.local_experts
    if expert_parallel > 1:
        local = _part(preset, "experts", _EXPERT, expert_parallel)
    hint = f"a TOML with a smaller group_size than {preset.group_size} may be split further"
    if preset.weight_format is None:
        hint += f", or one with weight_bits {UNPACKED_BITS} where no packed weights are measured"
    with naming(f"one of {tensor_parallel} ranks of {preset.name}", hint):
        return replace(
            preset,
            source=f"{preset.source}; one rank of tensor parallel {tensor_parallel}, expert"
            f" parallel {expert_parallel}",
            ffn=_part(preset, "ffn", _TENSOR, tensor_parallel),
            heads=heads,
            kv_heads=preset.kv_heads and _kv_heads(preset, tensor_parallel),
            shared_ffn=shared_ffn,
            local_experts=local,
            tensor_parallel=preset.tensor_parallel * tensor_parallel,
        )


def _part(preset: Preset, size: str, option: str, ranks: int) -> int:
    whole: int = getattr(preset, size)
    if whole % ranks:
        raise BadInput(
            f"{option} is {ranks}, and {size} {whole} of {preset.name} does not divide by it",
            hint=f"name a number of ranks that divides {whole}",
        )
    return whole // ranks


def _kv_heads(preset: Preset, ranks: int) -> int:
    """Heads of keys and values of a rank: one of them where there are more ranks than heads."""
    heads = preset.kv_heads or 1
    return 1 if ranks % heads == 0 else _part(preset, "kv_heads", _TENSOR, ranks)
