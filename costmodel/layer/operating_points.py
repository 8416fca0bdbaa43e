"""Operating points of a layer: how it is run, at which batch size, at which state of its GPU."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from typing import Literal

Aim = Literal["tokens-per-joule", "tokens-per-second"]


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """One pass of `tokens` tokens through a layer, run in one way on one state of its GPU.

    `model` names the model that it was looked up in, `power_limit_w` the limit of the GPU that was
    measured, None without one. `routed_by` names the operation that computes the routed experts,
    None of the parts one by one. `weight_format` is that of the layer's weights and `weight_bits`
    are those of packed ones, None where there is none. `_lo` and `_hi` are the bounds of 95 %
    intervals. `power_w` is drawn under a steady load; it and the energy are None where not
    measured, for the `energy_reason`, and so are the energy's bounds where its error is not known.
    """

    model: str
    power_limit_w: float | None
    routed_by: str | None
    weight_format: str | None
    weight_bits: int | None
    tokens: int
    latency_us: float
    latency_us_lo: float
    latency_us_hi: float
    energy_mj: float | None
    energy_mj_lo: float | None
    energy_mj_hi: float | None
    power_w: float | None
    energy_reason: str | None
    estimated: bool

    @property
    def energy_mj_per_token(self) -> float | None:
        """Energy divided by the tokens."""
        return None if self.energy_mj is None else self.energy_mj / self.tokens

    @property
    def tokens_per_joule(self) -> float | None:
        """Tokens divided by the energy."""
        return None if self.energy_mj is None else self.tokens / self.energy_mj * 1e3

    @property
    def tokens_per_second(self) -> float:
        """Tokens divided by the latency: of passes one after another."""
        return self.tokens / self.latency_us * 1e6

    def value(self, aim: Aim) -> float | None:
        """What is to be as large as possible; None where it was not measured."""
        return self.tokens_per_joule if aim == "tokens-per-joule" else self.tokens_per_second

    def bounds(self, aim: Aim) -> tuple[float, float]:
        """The 95 % interval of that value; without an end where the error is not known."""
        if aim == "tokens-per-second":
            return self.tokens / self.latency_us_hi * 1e6, self.tokens / self.latency_us_lo * 1e6
        if not self.energy_mj_lo or not self.energy_mj_hi:
            return 0.0, inf
        return self.tokens / self.energy_mj_hi * 1e3, self.tokens / self.energy_mj_lo * 1e3

    @property
    def way(self) -> tuple[object, ...]:
        """What runs the layer, and on which state of its GPU: all but the batch size."""
        return self.model, self.routed_by, self.weight_format, self.weight_bits


@dataclass(frozen=True, slots=True)
class Budget:
    """The power in W and the latency in us that a pass may take at most; None is no limit."""

    power_w: float | None = None
    latency_us: float | None = None

    def excess(self, point: OperatingPoint) -> float | None:
        """How many times the budget a point takes, 1 or less where it is within; None: unknown.

        Latency is judged by the upper bound of its interval.
        """
        taken = [0.0]
        if self.power_w is not None:
            if point.power_w is None:
                return None
            taken.append(point.power_w / self.power_w)
        if self.latency_us is not None:
            taken.append(point.latency_us_hi / self.latency_us)
        return max(taken)

    def within(self, points: Iterable[OperatingPoint]) -> list[OperatingPoint]:
        """Those of the points that keep to the budget."""
        taken = ((one, self.excess(one)) for one in points)
        return [one for one, excess in taken if excess is not None and excess <= 1]

    def nearest(self, points: Iterable[OperatingPoint]) -> OperatingPoint | None:
        """The point that exceeds the budget least; None where no point can be judged."""
        judged = [(excess, one) for one in points if (excess := self.excess(one)) is not None]
        return min(judged, key=lambda pair: pair[0], default=(0.0, None))[1]


def best(points: Iterable[OperatingPoint], aim: Aim) -> OperatingPoint | None:
    """The point that does best by `aim`, of equals the fastest; None where none was measured."""
    measured = [(value, one) for one in points if (value := one.value(aim)) is not None]
    found = max(measured, key=lambda pair: (pair[0], -pair[1].latency_us), default=None)
    return None if found is None else found[1]


def rivals(
    points: Iterable[OperatingPoint], winner: OperatingPoint, aim: Aim
) -> tuple[OperatingPoint, ...]:
    """The best points of other ways whose interval overlaps with that of the winner, best first."""
    ways: defaultdict[tuple[object, ...], list[OperatingPoint]] = defaultdict(list)
    for one in points:
        ways[one.way].append(one)
    others = (best(found, aim) for way, found in ways.items() if way != winner.way)
    least, _ = winner.bounds(aim)
    close = [one for one in others if one is not None and one.bounds(aim)[1] >= least]
    return tuple(sorted(close, key=lambda one: one.value(aim) or 0.0, reverse=True))


def pareto_front(points: Iterable[OperatingPoint]) -> tuple[OperatingPoint, ...]:
    """The points that no other beats in both latency and energy per token, fastest first."""
    measured = [(one.latency_us, mj, one) for one in points if (mj := one.energy_mj_per_token)]
    front: list[OperatingPoint] = []
    least_mj = float("inf")
    for _, mj, one in sorted(measured, key=lambda row: row[:2]):
        if mj < least_mj:
            front.append(one)
            least_mj = mj
    return tuple(front)
