"""The work of a routed operation: weights are read, and unpacked, of its active experts alone.

Its FLOPs and bytes are a sum of a constant, a part per token, a part per row of the experts and a
part per active expert. They are counted for the tokens that were drawn, and solved for with the
rows and active experts of those; at other sizes both are the expected ones of the routing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from ...stats.arrays import Float64, Int64
from ...stats.routing.distribution import distribution
from ...store.cost_model import ExpertWork, Work
from ..layer.loads import non_negative
from ..rows import all_rounded

_TOLERANCE: Final = 0.01  # relative distance of the work from such a sum


@dataclass(frozen=True, slots=True)
class Routed:
    """How tokens go to experts in a measurement: `routing` in words, on one of `ranks` ranks.

    `loads` gives the rows of each active expert of this device for so many tokens.
    """

    routing: str
    experts: int
    top_k: int
    ranks: int
    loads: Callable[[int], Sequence[int]]

    @property
    def rows_per_token(self) -> float:
        """Expected rows of this device for each token of its own."""
        shares = distribution(self.routing, self.experts, self.top_k)
        return sum(shares.held_shares(self.ranks)) * self.ranks


NOT_ROUTED: Final[Mapping[str, Routed]] = MappingProxyType({})


def fit_expert_work(
    tokens: Int64, flops: Float64, bytes_moved: Float64, routed: Routed
) -> ExpertWork | None:
    """Split work by tokens, rows and active experts, from the sizes [K] of a curve.

    None where either amount is more than 1 % off such a sum.
    """
    loads = [routed.loads(int(size)) for size in tokens]
    rows, active = list(map(sum, loads)), list(map(len, loads))
    columns = np.stack([np.ones(len(tokens)), tokens, rows, active], axis=1)
    parts: list[tuple[float, float, float]] = []
    for amounts in (flops, bytes_moved):
        found = np.zeros(4)
        if amounts.any():
            found = non_negative(columns / amounts[:, None])
            if (np.abs(columns @ found - amounts) > _TOLERANCE * amounts).any():
                return None
        fixed, per_token, per_row, per_expert = map(float, found)
        parts.append((fixed, per_token + per_row * routed.rows_per_token, per_expert))
    (flops_fixed, flops_per_token, flops_each), (fixed, per_token, bytes_each) = parts
    rest = Work(flops_fixed, flops_per_token, fixed, per_token)
    return ExpertWork(
        rest=Work(**all_rounded(asdict(rest))),
        **all_rounded({"flops": flops_each, "bytes_moved": bytes_each}),
        routing=routed.routing,
        experts=routed.experts,
        top_k=routed.top_k,
        ranks=routed.ranks,
    )
