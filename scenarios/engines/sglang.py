"""sglang_fused_experts: a layer's routed experts by SGLang's Triton kernels.

fused_experts(hidden_states, w1, w2, topk_output, moe_runner_config, ...) of
sglang.srt.layers.moe.fused_moe_triton. Read: 0.5.5 and 0.5.23 whole, where it lies in
fused_moe_triton/fused_moe.py and moe_runner/triton_utils/fused_moe.py, and the signatures of 0.5.10
and 0.5.16. topk_output is a StandardTopKOutput (layers/moe/topk.py): float32 weights and int32 ids
[tokens, top_k], and the router's logits, which the function drops.

w1 is W13 [experts, 2 ffn, hidden], whose rows are all gates, then all ups, and w2 [experts, hidden,
ffn]. With gemm1_alpha and gemm1_clamp_limit, silu is the form of gpt-oss on rows in turns
(gate_up_interleaved, which is true by default from 0.5.16 on), as our `clipped`. MoeRunnerConfig
(moe_runner/base.py) writes into hidden_states unless `inplace` is false, and drops no expert where
both of its numbers of experts are those of w1. Not float32: sums of other dtypes than bfloat16 are
stored as float16.

The function asks for the server's arguments, and from 0.5.16 on for the group of the ranks. So
`started` makes both for one rank, as benchmark/kernels/fused_moe_triton of SGLang does.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, Final

import torch

from ..operation import InputFactory
from ..ops.layer import routed_experts
from ..ops.layer.routed_experts import plain_inputs
from .engine import Engine, routed_operation

ENGINE: Final = Engine(
    package="sglang", first="0.5.5", last="0.5.23", activations=("silu", "gelu", "clipped")
)


@cache
def started(device: torch.device) -> None:
    """Begin what SGLang's kernels expect in a process: a server's arguments, and one rank."""
    from sglang.srt import server_args
    from sglang.srt.distributed import parallel_state

    arguments = server_args.ServerArgs(model_path="dummy")  # which names no model to be read
    server_args.set_global_server_args_for_scheduler(arguments)
    parallel_state.init_distributed_environment(
        world_size=1,
        rank=0,
        local_rank=device.index or 0,
        distributed_init_method="tcp://127.0.0.1:0",  # a free port
        backend="nccl",
    )
    parallel_state.initialize_model_parallel()


def fused_experts() -> Callable[..., torch.Tensor]:
    """SGLang's function."""
    from sglang.srt.layers.moe import fused_moe_triton

    found: Callable[..., torch.Tensor] = fused_moe_triton.fused_experts
    return found


def runner_config(experts: int, activation: str) -> Any:
    """SGLang's description of a layer whose experts are all here."""
    from sglang.srt.layers.moe.moe_runner import MoeRunnerConfig

    clipped = {"gemm1_alpha": 1.702, "gemm1_clamp_limit": 7.0} if activation == "clipped" else {}
    return MoeRunnerConfig(
        num_experts=experts,
        num_local_experts=experts,
        activation="gelu" if activation == "gelu" else "silu",
        inplace=False,
        **clipped,
    )


def picks(shares: torch.Tensor, ids: torch.Tensor) -> Any:
    """SGLang's form of a router's choice; its logits are not needed."""
    from sglang.srt.layers.moe.topk import StandardTopKOutput

    return StandardTopKOutput(topk_weights=shares, topk_ids=ids, router_logits=None)


def make_inputs(
    take: InputFactory,
    tokens: int,
    hidden: int,
    ffn: int,
    experts: int,
    top_k: int,
    activation: str,
    routing: str,
) -> tuple[Any, ...]:
    """SGLang's function, activations, the picks of each token, weights, and the layer's form."""
    x, ids, shares, w13, w2, _ = plain_inputs(
        take, tokens, hidden, ffn, experts, top_k, activation, routing
    )
    started(x.device)
    return fused_experts(), x, picks(shares, ids), w13, w2, runner_config(len(w13), activation)


def run(
    kernel: Callable[..., torch.Tensor],
    x: torch.Tensor,
    picked: Any,
    w13: torch.Tensor,
    w2: torch.Tensor,
    form: Any,
) -> torch.Tensor:
    """Take each token through its experts: [tokens, hidden]."""
    return kernel(hidden_states=x, w1=w13, w2=w2, topk_output=picked, moe_runner_config=form)


def reference(
    kernel: Callable[..., torch.Tensor],
    x: torch.Tensor,
    picked: Any,
    w13: torch.Tensor,
    w2: torch.Tensor,
    form: Any,
) -> torch.Tensor:
    """The same, token by token and expert by expert."""
    activation = form.activation if form.gemm1_alpha is None else "clipped"
    ids, shares = picked.topk_ids, picked.topk_weights
    return routed_experts.reference(x, ids, shares, w13, w2, activation)


OPERATION: Final = routed_operation(
    "sglang_fused_experts",
    ENGINE,
    make_inputs,
    run,
    reference,
    (
        "import sglang.srt.layers.moe.fused_moe_triton",
        "from moeprof.scenarios.engines.sglang import fused_experts, picks, runner_config, started",
        "from moeprof.scenarios.ops.layer.routed_experts import plain_inputs",
    ),
)
