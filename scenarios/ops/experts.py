"""experts: fc1, gelu and fc2 of all experts of a layer on packed weights, in two launches.

x [tokens * top_k, hidden], sorted by expert, counts int32 [active_experts]; packed weights of
fc1 and fc2 as in dequant_linear, [active_experts, ...] -> y [tokens * top_k, hidden].
Sorting tokens by expert and adding up the outputs of a token's experts are not included.

The weights of each active expert are read however few tokens it has, so the cost depends on the
batch size and on the number of active experts. Three numbers are measured: the fewest possible,
all, and their geometric mean. They form one surface over tokens and active experts. Tokens are
spread evenly; experts without tokens are left out, because no kernel reads their weights.
"""

import math
from collections.abc import Callable
from typing import Final

import torch

from ...kernels.expert import Weights, experts
from ...kernels.formats.drawn import packed_weights
from ...store.errors import BadInput
from ..operation import InputFactory, Operation
from ..preset import Preset
from .packed_weights import UNPACK_FLOPS, looked_up, packed_bytes


def make_inputs(
    take: InputFactory,
    tokens: int,
    hidden: int,
    ffn: int,
    top_k: int,
    weight_format: str,
    group_size: int,
    active_experts: int,
) -> tuple[torch.Tensor, torch.Tensor, Weights, Weights]:
    """Sorted rows [tokens * top_k, hidden], their counts, and the weights of fc1 and of fc2."""
    x = take((tokens * top_k, hidden))
    each, more = divmod(tokens * top_k, active_experts)
    counts = [each + (expert < more) for expert in range(active_experts)]
    return (
        x,
        torch.tensor(counts, dtype=torch.int32, device=x.device),
        packed_weights(take, weight_format, group_size, ffn, hidden, active_experts),
        packed_weights(take, weight_format, group_size, hidden, ffn, active_experts),
    )


def run(x: torch.Tensor, counts: torch.Tensor, up: Weights, down: Weights) -> torch.Tensor:
    """Take each row through its expert: [tokens * top_k, hidden]."""
    return experts(x, counts, up, down, "gelu_erf")


def reference(x: torch.Tensor, counts: torch.Tensor, up: Weights, down: Weights) -> torch.Tensor:
    """The same, row by row."""
    rows = []
    for row, expert in enumerate(torch.arange(len(counts)).repeat_interleave(counts).tolist()):
        fc1 = looked_up(up.of(expert), x.shape[1]).to(x.dtype)
        inner = torch.nn.functional.gelu(fc1 @ x[row])
        rows.append(looked_up(down.of(expert), len(inner)).to(x.dtype) @ inner)
    return torch.stack(rows)


def _few(preset: Preset) -> int:
    """The experts of one token, as far as they are here: all tokens go to the same ones."""
    return min(preset.top_k, preset.held_experts)


def _some(preset: Preset) -> int:
    few, held = _few(preset), preset.held_experts
    count = round(math.sqrt(few * held))
    if not few < count < held:
        raise BadInput(
            f"{preset.name} has {held} experts, {preset.top_k} of them a token:"
            " there is no number of active experts between",
            hint="measure experts_all",
        )
    return count


def _all(preset: Preset) -> int:
    return preset.held_experts


def _operation(which: str, active_experts: Callable[[Preset], int]) -> Operation:
    def flops(tokens: int, preset: Preset) -> int:
        """Per weight: 2 to unpack it, and 2 per row of its expert; 5 per gelu."""
        rows, active = tokens * preset.top_k, active_experts(preset)
        unpacked = 2 * (2 * rows + UNPACK_FLOPS * active) * preset.hidden * preset.ffn
        return unpacked + 5 * rows * preset.ffn

    def bytes_moved(tokens: int, preset: Preset, dtype_bytes: int) -> int:
        hidden, ffn = preset.hidden, preset.ffn
        both = (packed_bytes(*size, preset, dtype_bytes) for size in ((ffn, hidden), (hidden, ffn)))
        an_expert = 4 + sum(both)  # its count, weights and scales
        rows = 2 * tokens * preset.top_k * hidden * dtype_bytes
        return rows + active_experts(preset) * an_expert

    return Operation(
        name=f"experts_{which}",
        surface="experts",
        active_experts=active_experts,
        make_inputs=make_inputs,
        run=run,
        reference=reference,
        flops=flops,
        bytes_moved=bytes_moved,
        shape=("hidden", "ffn"),
        fields=("weight_bits", "group_size", "experts", "top_k"),
        variant=("weight_format",),
        imports=(
            "from moeprof.kernels.expert import Weights, experts",
            "from moeprof.kernels.formats.drawn import packed_weights",
        ),
    )


OPERATIONS: Final = (
    _operation("few", _few),
    _operation("some", _some),
    _operation("all", _all),
)
