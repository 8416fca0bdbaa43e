"""What controllers share: what they see, what they must keep, and what they answer."""

from dataclasses import dataclass, field
from math import isfinite
from typing import Protocol

from ...stats.arrays import Float64
from ...store.errors import BadInput


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What was seen up to one moment; None where it was not measured.

    `at_s` is a time on a clock that never goes back. `power_w` is the mean power since the reading
    before, from the energy counter where there is one. `shares` [experts] are those of the
    assignments since the reading before, under the bias that was in force; `tokens_per_s` the rate
    at which tokens arrived, and `latency_s` the latency of a pass.
    """

    at_s: float
    power_w: float | None = None
    temp_c: float | None = None
    tokens_per_s: float | None = None
    latency_s: float | None = None
    shares: Float64 | None = None


@dataclass(frozen=True, slots=True)
class Targets:
    """Limits that a controller keeps: at most so many W, degC and s, at least so many tokens/s.

    None is no limit. Raises BadInput for a limit that is no positive number.
    """

    power_w: float | None = None
    temp_c: float | None = None
    latency_s: float | None = None
    tokens_per_s: float | None = None

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if value is not None and not (isfinite(value) and value > 0):
                raise BadInput(f"the target {name} is {value}, and must be a positive number")


@dataclass(frozen=True, slots=True)
class Decision:
    """How to route until the next tick.

    `bias` [experts] is added to the scores that rank experts; its mean is 0. `price_per_j` is the
    price of a joule that it follows from, None where it does not follow from one.
    `deferred_share` is the share of arriving tokens that must wait: above 0 only where no bias that
    the controller may choose keeps the targets. `terms` are the controller's losses and
    observations of this tick, by name.
    """

    bias: Float64
    price_per_j: float | None = None
    deferred_share: float = 0.0
    terms: dict[str, float] = field(default_factory=dict)


class Controller(Protocol):
    """Decides at each tick, 1 to 10 times a second, how to route."""

    def tick(self, telemetry: Telemetry) -> Decision:
        """Take what was seen since the last tick, and decide."""
        ...
