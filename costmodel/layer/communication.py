"""What the ranks of a layer send to each other, by bytes on the wire and a stated bandwidth.

Expert parallel (Lepikhin et al. 2020, GShard, section 3.2): each (token, expert) pair whose expert
lies on another rank is sent there as a row of `hidden` elements, and its result is sent back, by an
all-to-all each. A rank sends tokens * (sum of the shares of experts that it does not hold) rows and
receives tokens * (ranks - 1) * (sum of the shares of those that it holds): of equal shares both are
tokens * top_k * (1 - 1 / ranks). The link carries both directions at once, so that the larger one
counts. An engine that sends a token once to a rank with several of its experts, or in fewer bits,
sends less.

Tensor parallel (Shoeybi et al. 2019, Megatron-LM, section 3): every rank has a part of each sum of
[tokens, hidden], and an all-reduce adds them up; of N ranks each sends 2 (N - 1) / N of its bytes.

The bandwidth is that of one rank's link in one direction: what nccl-tests call the bus bandwidth
(doc/PERFORMANCE.md there). The latency of a message is not counted, so that small batches take
longer than this.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from numbers import Real
from typing import Final

from ...stats.routing.distribution import distribution
from ...store.errors import BadInput, check_type
from ...store.fitted_runs import LayerSizes

NO_LINK: Final = "no bandwidth is stated"
_DTYPE_BYTES: Final = {"float32": 4, "bfloat16": 2, "float16": 2}


@dataclass(frozen=True, slots=True)
class Communication:
    """One exchange between ranks: bytes through the link of one rank, and the time they take.

    `latency_us` is estimated from the bytes, and None where no bandwidth is stated.
    """

    name: str
    link_bytes: float
    latency_us: float | None


def communications(
    layer: LayerSizes, routing: str, tokens: int, link_gb_per_s: float | None
) -> tuple[Communication, ...]:
    """The exchanges of a layer of `tokens` tokens per rank; none where it lies on one device.

    Raises BadInput for a bandwidth that is not positive and finite.
    """
    if link_gb_per_s is not None:
        check_type("link_gb_per_s", link_gb_per_s, Real)
        if not (isfinite(link_gb_per_s) and link_gb_per_s > 0):
            raise BadInput(
                f"the bandwidth of the link is {link_gb_per_s:g} GB/s, and must be positive",
                hint="give the bus bandwidth that nccl-tests print for these devices",
            )
    row_bytes = layer.hidden * _DTYPE_BYTES[layer.dtype]
    exchanges: list[tuple[str, float]] = []
    if layer.ranks > 1:
        shares = distribution(routing, layer.experts, layer.top_k)
        moved = tokens * row_bytes * _rows_per_token(shares.held_shares(layer.ranks), layer)
        exchanges += [("all-to-all, dispatch", moved), ("all-to-all, combine", moved)]
    if layer.tensor_parallel > 1:
        ranks = layer.tensor_parallel
        exchanges.append(("all-reduce", 2 * (ranks - 1) / ranks * tokens * row_bytes))
    return tuple(
        Communication(name, moved, None if link_gb_per_s is None else moved / link_gb_per_s / 1e3)
        for name, moved in exchanges
    )


def _rows_per_token(held_shares: Sequence[float], layer: LayerSizes) -> float:
    """Rows through the link of this rank for each token of its own, in the busier direction."""
    held = sum(held_shares)
    return max(layer.top_k - held, (layer.ranks - 1) * held)
