"""A controller under supervision: lost telemetry, the history, the losses of each tick."""

import logging
from collections import deque
from dataclasses import replace
from math import inf
from typing import Final

import numpy as np

from ..certificate import Certifier
from .clock import TickClock
from .controller import Controller, Decision, Targets, Telemetry
from .history import History, Tick
from .losses import losses
from .power_model import Correction, PowerModel
from .watch import Fault, SensorWatch

HOLD_S: Final = 2.0
_PEAK_S: Final = 60.0
_KEPT: Final = 6000  # ticks: ten minutes at 10 Hz

_log = logging.getLogger(__name__)


class Supervised:
    """Passes readings to a controller while they can be believed, and decides without them.

    Without a reading for `hold_s` seconds, or with one that is frozen for so long, the routing is
    static: the cost model's answer to the highest rate of the last minute, with the offset, the
    gain and the limit that were observed last; where no rate was ever told or assumed, what was in
    force stays. It is logged, as is the return. Each tick has the
    certificate of one pass with the shares since the one before, under the bias that was in force:
    `certificate_gap` is how much more score than this an assignment could have in the mean, joules
    at their price. Passes whose loads scatter around these shares may have larger ones.
    """

    def __init__(
        self,
        controller: Controller,
        model: PowerModel,
        targets: Targets,
        *,
        hold_s: float = HOLD_S,
    ) -> None:
        self.history = History(_KEPT)
        self._controller, self._model, self._targets = controller, model, targets
        self._certifier = Certifier(model.layer.costs, price_per_j=1.0)
        self._in_force = Decision(model.bias(0.0), 0.0)
        self._watch = SensorWatch(hold_s)
        self._clock = TickClock()
        self._partial = False
        self._peaks: deque[tuple[float, float]] = deque()  # (s, tokens/s), rates descend
        self._observed: dict[str, float] = {}
        self._fault: Fault | None = None

    def tick(self, telemetry: Telemetry) -> Decision:
        """Decide, and note the tick in the history; one at the time of the last changes nothing."""
        if not self._clock.advance(telemetry.at_s):
            return self._in_force
        believed, fault = self._watch.see(replace(telemetry, at_s=self._clock.now_s))
        self._note_rate(believed)
        controlled = self._controller.tick(believed) if fault is None else None
        if controlled is not None and not _is_finite(controlled):
            controlled, fault = None, "beyond its controller"
        self._log_change(fault, telemetry.at_s)
        if controlled is None:
            decision, state = self._static(), "static"
        else:
            decision, state = controlled, self._state(believed, controlled, telemetry.at_s)
            self._observed = controlled.terms
        terms = decision.terms | losses(self._targets, believed)
        terms |= self._certificate(believed)
        self._in_force = decision = replace(decision, terms=terms)
        self.history.add(Tick(telemetry, decision, state))
        return decision

    def _state(self, believed: Telemetry, decision: Decision, at_s: float) -> str:
        """The state under a controller; a temperature that is no more told is logged."""
        lost = self._watch.temp_is_lost(believed)
        partial = self._targets.temp_c is not None and (
            lost or bool(decision.terms.get("temp_stuck"))
        )
        if partial and not self._partial:
            _log.warning(
                "%.1f s: the temperature is %s: its target is held by the model of the heat at"
                " best, the power by its readings", at_s, "lost" if lost else "frozen",
            )  # fmt: skip
        if self._partial and not partial:
            _log.warning("%.1f s: the temperature is back", at_s)
        self._partial = partial
        if believed.power_w is None:
            return "held"
        return "partial" if partial else "controlled"

    def _static(self) -> Decision:
        """The cost model's answer to the highest rate of late."""
        observed = self._observed
        told_per_s = self._peaks[0][1] if self._peaks else None
        rate_per_s = observed.get("assumed_per_s", told_per_s)
        if rate_per_s is None:
            return replace(self._in_force, terms={})
        target_w = inf if self._targets.power_w is None else self._targets.power_w
        answer = self._model.meet(
            min(observed.get("limit_w", inf), target_w),
            rate_per_s,
            Correction(observed.get("offset_w", 0.0), observed.get("gain", 1.0)),
            (0.0, self._model.highest_price_per_j),
        )
        price_per_j = answer.price_per_j / observed.get("response", 1.0)
        price_per_j = min(price_per_j, self._model.budget_price_per_j)
        return Decision(self._model.bias(price_per_j), price_per_j, answer.deferred_share)

    def _certificate(self, telemetry: Telemetry) -> dict[str, float]:
        """The certificate of what was routed since the tick before; none where that is not known.

        Costs at a price are the price times those at 1, so one certifier serves all prices.
        """
        price, layer = self._in_force.price_per_j, self._model.layer
        if telemetry.shares is None or price is None:
            return {}
        assignments = layer.tokens * layer.top_k
        counts = np.rint(telemetry.shares * assignments).astype(np.int64)
        if price == 0:
            return {"certificate_gap": 0.0}
        if counts.max() > layer.costs.loads[-1]:
            return {}
        found = self._certifier.gap(self._in_force.bias / price, counts, layer.tokens)
        return {"certificate_gap": price * found.gap / assignments}

    def _note_rate(self, telemetry: Telemetry) -> None:
        rate_per_s, at_s = telemetry.tokens_per_s, telemetry.at_s
        if rate_per_s is None:
            return
        while self._peaks and self._peaks[-1][1] <= rate_per_s:
            self._peaks.pop()
        self._peaks.append((at_s, rate_per_s))
        while self._peaks[0][0] < at_s - _PEAK_S:
            self._peaks.popleft()

    def _log_change(self, fault: Fault | None, at_s: float) -> None:
        if fault is not None and self._fault is None:
            _log.warning(
                "%.1f s: telemetry is %s, the routing is static until it is back", at_s, fault
            )
        if fault is None and self._fault is not None:
            _log.warning("%.1f s: telemetry is back, the routing is controlled again", at_s)
        self._fault = fault


def _is_finite(decision: Decision) -> bool:
    """Whether a decision can be followed."""
    price = decision.price_per_j or 0.0
    return bool(np.isfinite([*decision.bias, price, decision.deferred_share]).all())
