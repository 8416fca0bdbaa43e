"""Whether what is cheaper on one machine is cheaper on another: ranks of operations."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations, islice
from typing import Final

import numpy as np

from ...store.verdicts.comparison import RankAgreement
from .paired import Pairs

_RANKED: Final = ("latency", "energy")  # in us and J
_FEWEST: Final = 2  # operations that have ranks
_MOST_NAMED: Final = 20


def rank_agreements(pairs: Sequence[Pairs], min_effect: float) -> tuple[RankAgreement, ...]:
    """How far operations rank alike on both sides at each size, in time and in energy."""
    metrics = [metric for metric in _RANKED if any(one.metric == metric for one in pairs)]
    return tuple(_agreement(metric, _by_size(pairs, metric), min_effect) for metric in metrics)


# Name of a curve, its value on OLD, its value on NEW.
_Costs = list[tuple[str, float, float]]


def _by_size(pairs: Sequence[Pairs], metric: str) -> Mapping[int | None, _Costs]:
    """The costs at each size that two curves or more have."""
    costs: defaultdict[int | None, _Costs] = defaultdict(list)
    for one in pairs:
        if one.metric == metric:
            for size, old, new in zip(one.tokens, one.old, one.new, strict=True):
                costs[size].append((one.op, float(old), float(new)))
    return {size: found for size, found in sorted(costs.items()) if len(found) >= _FEWEST}


def _agreement(metric: str, costs: Mapping[int | None, _Costs], min_effect: float) -> RankAgreement:
    lost: defaultdict[tuple[str, str], list[int | None]] = defaultdict(list)
    pairs = 0
    for size, found in costs.items():
        for one, other in combinations(found, 2):
            cheap, dear = sorted((one, other), key=lambda cost: cost[1])
            if dear[1] > cheap[1] * (1 + min_effect):
                pairs += 1
                if cheap[2] >= dear[2]:
                    lost[cheap[0], dear[0]].append(size)
    taus = [_tau(found) for found in costs.values() if len(found) > _FEWEST]
    known = [tau for tau in taus if tau is not None]
    return RankAgreement(
        metric=metric,
        tau=float(np.mean(known)) if known else None,
        n=len(known),
        pairs=pairs,
        held=1 - sum(map(len, lost.values())) / pairs if pairs else None,
        lost=tuple(_named(*saving) for saving in islice(lost.items(), _MOST_NAMED)),
    )


def _named(ops: tuple[str, str], sizes: Sequence[int | None]) -> str:
    """A saving that is lost, and at which sizes: "fc2 < fc1 at 7 sizes from 1 to 64"."""
    where = (
        f"{sizes[0]}" if len(sizes) == 1 else f"{len(sizes)} sizes from {sizes[0]} to {sizes[-1]}"
    )
    return f"{ops[0]} < {ops[1]} at {where}"


def _tau(costs: _Costs) -> float | None:
    from scipy.stats import kendalltau  # here: it takes 0.7 s to load

    tau = float(kendalltau([old for _, old, _ in costs], [new for _, _, new in costs]).statistic)
    return tau if np.isfinite(tau) else None
