"""torch_grouped_mm: a layer's routed experts by torch._grouped_mm, as PyTorch users build them.

Tokens are sorted by expert, and each of both products is a call of torch._grouped_mm with the rows
up to the end of each expert. Read: its schema in torch 2.10.0, 2.13.0 and 2.14.1,
`_grouped_mm(Tensor self, Tensor mat2, Tensor? offs, Tensor? bias, ScalarType? out_dtype)`.
routed_experts, w13_grouped and w2_grouped call the same product by its public name,
torch.nn.functional.grouped_mm: beside routed_experts this shows the wrapper, and the noise.

Inputs are those of routed_experts.
"""

from typing import Final

import torch

from ...kernels.dispatch import permute, unpermute
from ...kernels.gated import act_mul
from ..ops.layer import routed_experts
from .engine import Engine, routed_operation

ENGINE: Final = Engine(
    package="torch",
    first="2.10.0",
    last="2.14.1",
    activations=("silu", "gelu", "clipped"),
    dtypes=("float32", "bfloat16", "float16"),
    needs_cuda=False,
)


def run(
    x: torch.Tensor,
    ids: torch.Tensor,
    shares: torch.Tensor,
    w13: torch.Tensor,
    w2: torch.Tensor,
    activation: str,
) -> torch.Tensor:
    """Take each token through its experts: [tokens, hidden]."""
    rows, ends, order = permute(x, ids, len(w13))
    inner = act_mul(torch._grouped_mm(rows, w13.transpose(1, 2), offs=ends), activation)
    return unpermute(torch._grouped_mm(inner, w2.transpose(1, 2), offs=ends), order, shares)


OPERATION: Final = routed_operation(
    "torch_grouped_mm",
    ENGINE,
    routed_experts.plain_inputs,
    run,
    routed_experts.reference,
    (
        *routed_experts.PLAIN.imports,
        "from moeprof.kernels.dispatch import permute, unpermute",
        "from moeprof.kernels.gated import act_mul",
    ),
)
