"""What a controller did: one record per tick, the newest kept."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...stats.arrays import Float64
from ...store.errors import BadInput
from .controller import Decision, Telemetry


@dataclass(frozen=True, slots=True)
class Tick:
    """What was read, what was decided, and by whom.

    `state` is "controlled", "partial" (the temperature that has a target is lost or frozen, the
    power is controlled), "held" (a power is missing, not yet for long) or "static" (telemetry is
    lost or frozen: the cost model alone decides). The terms of the decision have the losses
    (losses.py), the certificate where one is asked for, and what the controller observed.
    """

    telemetry: Telemetry
    decision: Decision
    state: str


class History:
    """The last `longest` ticks. Raises BadInput for a length below 1."""

    def __init__(self, longest: int) -> None:
        if longest < 1:
            raise BadInput(f"a history of {longest} ticks is none", hint="keep 1 or more")
        self._ticks: deque[Tick] = deque(maxlen=longest)

    def __len__(self) -> int:
        return len(self._ticks)

    @property
    def ticks(self) -> Sequence[Tick]:
        """The ticks, oldest first."""
        return tuple(self._ticks)

    def add(self, tick: Tick) -> None:
        """Add the newest tick; the oldest goes where there is no room."""
        self._ticks.append(tick)

    def biases(self) -> Float64:
        """Biases [ticks, experts]."""
        return np.array([tick.decision.bias for tick in self._ticks])

    def columns(self) -> dict[str, Float64]:
        """Numbers by name, each [ticks]; NaN where a tick has none."""
        rows = [_numbers(tick) for tick in self._ticks]
        names = dict.fromkeys(name for row in rows for name in row)
        return {name: np.array([row.get(name, np.nan) for row in rows]) for name in names}


def _numbers(tick: Tick) -> dict[str, float]:
    telemetry, decision = tick.telemetry, tick.decision
    read = {
        "at_s": telemetry.at_s,
        "power_w": telemetry.power_w,
        "temp_c": telemetry.temp_c,
        "tokens_per_s": telemetry.tokens_per_s,
        "latency_s": telemetry.latency_s,
        "price_per_j": decision.price_per_j,
        "deferred_share": decision.deferred_share,
    }
    return {name: value for name, value in read.items() if value is not None} | decision.terms
