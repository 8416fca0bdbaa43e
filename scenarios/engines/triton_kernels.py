"""triton_matmul_ogs: a layer's routed experts by triton_kernels, the package beside Triton.

Its product gathers each expert's rows, multiplies them, and scatters or weights the results. The
package names no version, so it is known by its files, as vLLM 0.33.0 does
(get_triton_kernels_version of vllm/utils/import_utils.py). Read, in triton-lang/triton,
python/triton_kernels/triton_kernels:

3.6  matmul_ogs(x, w, bias, routing_data, gather_indx, scatter_indx, ..., gammas, fused_activation)
     of matmul_ogs.py (commit 02adf8fd), beside RoutingData, GatherIndx and ScatterIndx; with
     scatter_indx it adds up the rows of each token
3.8  matmul(a, b, bias, a_ragged_metadata, ..., gather_indx, ..., gammas, fused_activation) of
     matmul.py (commit 0223f697), whose gather_indx are rows of x, and which adds nothing up

Before 3.6 the routing lay in routing.py: not known. The package of this name on PyPI is another.

Weights are W13ᵀ [experts, hidden, 2 ffn] and W2ᵀ [experts, ffn, hidden]; the columns of W13ᵀ are
all gates, then all ups, and in turns for `clipped`, which swiglu.py applies within the first
product (swiglu_torch: alpha 1.702, limit 7). silu and gelu are torch's, between both. The products
take ids sorted by expert: by torch's sort, as vLLM does for 3.8.
"""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import torch

from ...kernels.gated import act_mul
from ..expert_loads import active_choices
from ..operation import InputFactory
from ..ops.layer import routed_experts
from .engine import Engine, routed_operation

_ALPHA, _LIMIT = 1.702, 7.0  # gpt-oss
_SOURCE: Final = "git+https://github.com/triton-lang/triton@release/3.6.x#subdirectory=python"


def api_version(package: str) -> str | None:
    """Which of Triton's releases the package is of, by its files; None where it is not here."""
    found = find_spec(package)
    if found is None or found.origin is None:
        return None
    folder = Path(found.origin).parent
    ogs = folder / "matmul_ogs.py"
    if ogs.is_file():
        return "3.6" if b"class RoutingData" in ogs.read_bytes() else "3.5"
    return "3.8" if (folder / "matmul.py").is_file() else None


ENGINE: Final = Engine(
    package="triton_kernels",
    first="3.6",
    last="3.8",
    activations=("silu", "gelu", "clipped"),
    version=api_version,
    remedy=f"pip install '{_SOURCE}/triton_kernels' (PyPI's triton-kernels is another package)",
)


def experts_by_triton() -> Callable[..., torch.Tensor]:
    """The experts by the product that the installed package has."""
    try:
        from triton_kernels import matmul_ogs  # noqa: F401
    except ImportError:
        return _by_matmul
    return _by_matmul_ogs


def _sorted(
    ids: torch.Tensor, shares: torch.Tensor, experts: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The pick of each sorted row and the rows of each expert, int32; the share of each row."""
    of_row, order = torch.sort(ids.flatten(), stable=True)
    numbers = torch.arange(experts, dtype=of_row.dtype, device=ids.device)
    ends = torch.searchsorted(of_row, numbers, right=True, out_int32=True)
    return order.int(), torch.diff(ends, prepend=ends.new_zeros(1)), shares.flatten()[order]


def _by_matmul_ogs(
    x: torch.Tensor,
    ids: torch.Tensor,
    shares: torch.Tensor,
    w13: torch.Tensor,
    w2: torch.Tensor,
    activation: str,
) -> torch.Tensor:
    from triton_kernels import matmul_ogs as module
    from triton_kernels.tensor import make_ragged_tensor_metadata

    order, counts, share_of_row = _sorted(ids, shares, len(w13))
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order), dtype=order.dtype, device=order.device)
    routing = module.RoutingData(
        gate_scal=share_of_row,
        expt_hist=counts,
        n_expts_tot=len(w13),
        n_expts_act=ids.shape[1],
        expt_data=make_ragged_tensor_metadata(counts, len(order)),
    )
    inner = _activated(
        lambda fused: module.matmul_ogs(
            x, w13, None, routing, gather_indx=module.GatherIndx(order, place), **fused
        ),
        module,
        activation,
    )
    y: torch.Tensor = module.matmul_ogs(
        inner,
        w2,
        None,
        routing,
        scatter_indx=module.ScatterIndx(place, order),
        gammas=share_of_row,
    )
    return y


def _by_matmul(
    x: torch.Tensor,
    ids: torch.Tensor,
    shares: torch.Tensor,
    w13: torch.Tensor,
    w2: torch.Tensor,
    activation: str,
) -> torch.Tensor:
    from triton_kernels import matmul as module
    from triton_kernels.tensor import make_ragged_tensor_metadata

    order, counts, share_of_row = _sorted(ids, shares, len(w13))
    metadata = make_ragged_tensor_metadata(counts, len(order))
    source = order // ids.shape[1]
    inner = _activated(
        lambda fused: module.matmul(
            x, w13, None, a_ragged_metadata=metadata, gather_indx=source, **fused
        ),
        module,
        activation,
    )
    y = module.matmul(inner, w2, None, a_ragged_metadata=metadata, gammas=share_of_row)
    combined = torch.zeros(x.shape, dtype=torch.float32, device=x.device)
    return combined.index_add_(0, source, y.float()).to(x.dtype)


def _activated(
    product: Callable[[dict[str, Any]], torch.Tensor], module: Any, activation: str
) -> torch.Tensor:
    """The first product with its activation: within it for `clipped`, after it otherwise."""
    if activation != "clipped":
        return act_mul(product({}), activation)
    from triton_kernels.swiglu import swiglu_fn

    specs = module.FnSpecs("swiglu", swiglu_fn, ("alpha", "limit"), reduction_n=2)
    return product({"fused_activation": module.FusedActivation(specs, (_ALPHA, _LIMIT))})


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
    """The experts, activations, ids, shares, W13ᵀ, W2ᵀ, and the activation."""
    x = take((tokens, hidden))
    ids, active = active_choices(routing, tokens, experts, top_k)
    shares = take((tokens, top_k), torch.float32)
    w13, w2 = take((active, hidden, 2 * ffn)), take((active, ffn, hidden))
    own = torch.from_numpy(ids).to(x.device)
    return experts_by_triton(), x, own, shares, w13, w2, activation


def run(
    kernel: Callable[..., torch.Tensor],
    x: torch.Tensor,
    ids: torch.Tensor,
    shares: torch.Tensor,
    w13: torch.Tensor,
    w2: torch.Tensor,
    activation: str,
) -> torch.Tensor:
    """Take each token through its experts: [tokens, hidden]."""
    return kernel(x, ids, shares, w13, w2, activation)


def reference(
    kernel: Callable[..., torch.Tensor],
    x: torch.Tensor,
    ids: torch.Tensor,
    shares: torch.Tensor,
    w13: torch.Tensor,
    w2: torch.Tensor,
    activation: str,
) -> torch.Tensor:
    """The same, token by token and expert by expert."""
    return routed_experts.reference(x, ids, shares, w13.mT, w2.mT, activation)


OPERATION: Final = routed_operation(
    "triton_matmul_ogs",
    ENGINE,
    make_inputs,
    run,
    reference,
    (
        "import triton_kernels.tensor",
        "from moeprof.scenarios.engines.triton_kernels import experts_by_triton",
        "from moeprof.scenarios.expert_loads import active_choices",
    ),
)
