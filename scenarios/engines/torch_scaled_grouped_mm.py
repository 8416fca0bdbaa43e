"""torch_scaled_grouped_mm: a layer's routed experts on fp8 by torch's own products of fp8 by fp8.

Each row of the activations is rounded to e4m3 with a scale of its own, before both products and
within the call, as engines do: here by some launches of torch, where engines have one. Weights have
a scale for each output (fp8_channel), or for each expert, repeated for its outputs (fp8_tensor).
Both products are a call of torch._scaled_grouped_mm, which GPUs of compute capability 9.x and 10.x
have alone, for rows of a scale and results in bfloat16: scales by blocks of 128 by 128 only
torch._scaled_mm takes, which knows no groups. On a CPU each expert is a call of torch._scaled_mm.

Read: _scaled_grouped_mm_cuda in aten/src/ATen/native/cuda/GroupedBlas.cpp of torch at 00d4eaf9, and
its schema and meta kernel (torch/_meta_registrations.py) in 2.13.0: rows [rows, K], W [experts, N,
K] transposed, K and N multiples of 16, float32 scales [rows] and [experts, N], the end of each
expert's rows int32. The product on a CPU was run in 2.13.0, that on a GPU was not.
"""

from itertools import pairwise
from typing import Any, Final

import torch

from ...kernels.dispatch import permute, unpermute
from ...kernels.gated import act_mul
from ..expert_loads import active_choices
from ..operation import InputFactory
from ..ops.layer import routed_experts
from .engine import Engine, routed_operation

ENGINE: Final = Engine(
    package="torch",
    first="2.10.0",
    last="2.14.1",
    activations=("silu", "gelu", "clipped"),
    dtypes=("bfloat16",),
    formats=("fp8_channel", "fp8_tensor"),
    needs_cuda=False,
    capabilities=((9, 0), (10, 9)),
)
_LARGEST: Final = 448.0  # the largest e4m3
_SMALLEST_SCALE: Final = 1e-12  # a row of zeros has it


def rounded(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows [rows, K] as e4m3, and the float32 scale of each [rows]."""
    largest = rows.abs().amax(dim=1, keepdim=True).float()
    scales = (largest / _LARGEST).clamp(min=_SMALLEST_SCALE)
    return (rows / scales).to(torch.float8_e4m3fn), scales[:, 0]


def scaled_product(
    rows: torch.Tensor, weight: torch.Tensor, scales: torch.Tensor, ends: torch.Tensor
) -> torch.Tensor:
    """Multiply rows [rows, K], sorted by expert, by W [experts, N, K] in fp8: bfloat16 [rows, N].

    `scales` [experts, N] are those of W, `ends` [experts] where the rows of each expert end.
    """
    codes, own = rounded(rows)
    out = torch.bfloat16
    if rows.device.type != "cpu":
        return torch._scaled_grouped_mm(
            codes, weight.transpose(1, 2), own, scales, offs=ends, out_dtype=out,
            use_fast_accum=True,
        )  # fmt: skip
    bounds = [0, *ends.tolist()]
    parts = [
        torch._scaled_mm(
            codes[first:last], weight[expert].T, own[first:last, None], scales[expert : expert + 1],
            out_dtype=out,
        )
        for expert, (first, last) in enumerate(pairwise(bounds))
    ]  # fmt: skip
    return torch.cat(parts)


def make_inputs(
    take: InputFactory,
    tokens: int,
    hidden: int,
    ffn: int,
    experts: int,
    top_k: int,
    weight_format: str,
    activation: str,
    routing: str,
) -> tuple[Any, ...]:
    """Activations, the experts of each token, their shares; W13, W2, their scales, the activation.

    Rows of W13 are all gates, then all ups, or in turns for `clipped`.
    """
    x = take((tokens, hidden))
    ids, active = active_choices(routing, tokens, experts, top_k)
    shares = take((tokens, top_k), torch.float32)
    weights, scales = [], []
    for outputs, inputs in ((2 * ffn, hidden), (hidden, ffn)):
        weights.append(take((active, outputs, inputs), torch.float8_e4m3fn))
        each = 1 if weight_format == "fp8_tensor" else outputs
        own = take((active, each), torch.float32)
        scales.append(own.expand(active, outputs).contiguous())
    return x, torch.from_numpy(ids).to(x.device), shares, *weights, *scales, activation


def run(
    x: torch.Tensor,
    ids: torch.Tensor,
    shares: torch.Tensor,
    w13: torch.Tensor,
    w2: torch.Tensor,
    scales13: torch.Tensor,
    scales2: torch.Tensor,
    activation: str,
) -> torch.Tensor:
    """Take each token through its experts: [tokens, hidden]."""
    rows, ends, order = permute(x, ids, len(w13))
    inner = act_mul(scaled_product(rows, w13, scales13, ends), activation)
    return unpermute(scaled_product(inner, w2, scales2, ends), order, shares)


def reference(
    x: torch.Tensor,
    ids: torch.Tensor,
    shares: torch.Tensor,
    w13: torch.Tensor,
    w2: torch.Tensor,
    scales13: torch.Tensor,
    scales2: torch.Tensor,
    activation: str,
) -> torch.Tensor:
    """The same on dequantised weights, with activations as they are: it differs by some percent."""
    up, down = (
        codes.to(x.dtype) * scales[:, :, None].to(x.dtype)
        for codes, scales in ((w13, scales13), (w2, scales2))
    )
    return routed_experts.reference(x, ids, shares, up, down, activation)


OPERATION: Final = routed_operation(
    "torch_scaled_grouped_mm",
    ENGINE,
    make_inputs,
    run,
    reference,
    (
        "from moeprof.kernels.dispatch import permute, unpermute",
        "from moeprof.kernels.gated import act_mul",
        "from moeprof.scenarios.engines.torch_scaled_grouped_mm import scaled_product",
        "from moeprof.scenarios.expert_loads import active_choices",
    ),
)
