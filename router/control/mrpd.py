"""Model-reference primal-dual control: the price of a joule is the only state that routes.

Each tick inverts the cost model for the lowest price that keeps the smaller of two limits: the
target of power, and the power at which the temperature stays at its target. The model is corrected
by what was observed (an offset, a gain, the ambient), and fed forward on the rate at which tokens
arrive. Tokens wait only where the highest price does not keep the limit.
"""

from collections.abc import Sequence
from math import exp, inf
from typing import Final

from ...stats.arrays import Float64
from ...store.cost_model import Pole
from .controller import Decision, Targets, Telemetry
from .observers.arrivals import ArrivalRate
from .observers.heat import HeatObserver
from .observers.power import PowerObserver
from .power_model import Answer, Correction, PowerModel
from .served_layer import kl_nats

_MARGIN: Final = 0.003  # share of the power target
_AHEAD_S: Final = 15.0
_ROUNDED_C: Final = 0.25  # a reading of whole degC stays at its target a little above it
_UNTOLD_S: Final = 5.0  # without a reading of the arrivals, before a rate is assumed
_MOST_RATES: Final = 10.0  # times the assumed rate: what arrives beyond can only wait
_FIRST_S: Final = 0.1  # the first tick has no tick before it
_LATENCY_S: Final = 5.0  # the ratio of measured to predicted latency is smoothed over it
_RESPONSE_S: Final = 3.0
_RESPONSES: Final = (0.33, 3.0)
_LEAST_PRICE: Final = 0.04  # share of the highest price; below it the response is not learnt
_BRAKE_S: Final = 1.0
_RELEASE_S: Final = 10.0


class ModelReference:
    """Holds the targets by the price alone; `poles` are those of the cost model's heat, if known.

    `kl_budget_nats` is a hard stop: the price stays below the one at which the model spends it, and
    falls further where the shares of the telemetry spend it.

    Where the rate of arrivals is not told for 5 s, it is taken to be the last one, and no less than
    the one that draws the target at no price. What the power says otherwise is then part of the
    observed offset; a rate taken for too small would make that swing.
    """

    def __init__(
        self,
        model: PowerModel,
        targets: Targets,
        poles: Sequence[Pole] | None = None,
        kl_budget_nats: float | None = None,
    ) -> None:
        self._model, self._targets, self._kl_budget_nats = model, targets, kl_budget_nats
        self._arrivals = ArrivalRate()
        scale_w = targets.power_w or 4 * model.idle_w
        self._power = PowerObserver(model.idle_w, scale_w)
        token_j = model.energy_at_j(0.0)
        self._assumed_per_s = (scale_w - model.idle_w) / token_j if token_j > 0 else 0.0
        self._told_s: float | None = None  # when the rate was last told
        self._heat = HeatObserver(poles)
        self._latency_ratio = 1.0
        self._response = 1.0
        self._brake = 1.0
        self._expected_w = model.idle_w
        self._at_s: float | None = None
        self._answer = Answer(0.0)
        self._decision = Decision(model.bias(0.0), 0.0)

    def tick(self, telemetry: Telemetry) -> Decision:
        """Observe, then decide; a tick at no later time than the one before changes nothing."""
        elapsed_s = _FIRST_S if self._at_s is None else telemetry.at_s - self._at_s
        if elapsed_s <= 0:
            return self._decision
        self._at_s = telemetry.at_s
        self._observe(telemetry, elapsed_s)
        limit_w = self._limit_w()
        correction = Correction(self._power.offset_w, self._power.gain)
        rate_per_s = self._rate_per_s()
        answer = self._model.meet(limit_w, rate_per_s, correction, self._prices_per_j())
        self._answer = self._kept_throughput(answer, rate_per_s)
        price_per_j = self._answer.price_per_j / self._response
        price_per_j = min(price_per_j, self._model.budget_price_per_j)
        self._decision = Decision(
            self._model.bias(price_per_j),
            price_per_j,
            self._answer.deferred_share,
            self._terms(limit_w),
        )
        return self._decision

    def _observe(self, telemetry: Telemetry, elapsed_s: float) -> None:
        """Learn from what was read."""
        arrived_per_s = telemetry.tokens_per_s
        if arrived_per_s is not None:
            self._told_s = telemetry.at_s
            if self._assumed_per_s > 0:
                arrived_per_s = min(arrived_per_s, _MOST_RATES * self._assumed_per_s)
            if not self._arrivals.learn(arrived_per_s, elapsed_s):
                arrived_per_s = None
        self._observe_routing(telemetry, elapsed_s)
        if self._model.layer.has_energy:
            if arrived_per_s is None:
                arrived_per_s = self._rate_per_s()
            self._observe_power(telemetry, arrived_per_s, elapsed_s)

    def _rate_per_s(self) -> float:
        """The rate of arrivals as observed; an assumed one where it is not told for long."""
        told_per_s = self._arrivals.per_s or 0.0
        return max(told_per_s, self._assumed_per_s) if self._is_untold() else told_per_s

    def _is_untold(self) -> bool:
        at_s = 0.0 if self._at_s is None else self._at_s
        return self._told_s is None or at_s - self._told_s > _UNTOLD_S

    def _observe_power(self, telemetry: Telemetry, arrived_per_s: float, elapsed_s: float) -> None:
        served_per_s = arrived_per_s * (1 - self._answer.deferred_share)
        dynamic_w = served_per_s * self._model.energy_at_j(self._answer.price_per_j)
        self._power.predict(telemetry.at_s, dynamic_w)
        if telemetry.power_w is not None:
            self._power.learn(telemetry.power_w, elapsed_s)
        self._expected_w = self._model.idle_w + self._power.offset_w + self._power.gain * dynamic_w
        self._heat.step(self._expected_w, elapsed_s)
        if telemetry.temp_c is not None:
            self._heat.learn(telemetry.temp_c, self._expected_w, elapsed_s)

    def _observe_routing(self, telemetry: Telemetry, elapsed_s: float) -> None:
        if telemetry.latency_s is not None:
            predicted_s = self._model.latency_at_s(self._answer.price_per_j)
            if predicted_s > 0:
                error = telemetry.latency_s / predicted_s - self._latency_ratio
                self._latency_ratio += (1 - exp(-elapsed_s / _LATENCY_S)) * error
        if telemetry.shares is not None and self._model.layer.has_energy:
            self._observe_response(telemetry.shares, elapsed_s)
        if self._kl_budget_nats is not None and telemetry.shares is not None:
            spent = float(kl_nats(telemetry.shares, self._model.layer.shares))
            tau_s = -_BRAKE_S if spent > self._kl_budget_nats else _RELEASE_S
            self._brake = min(1.0, self._brake * exp(elapsed_s / tau_s))

    def _observe_response(self, shares: Float64, elapsed_s: float) -> None:
        """Learn how much more the shares follow a price than the model says, as top-k does."""
        routed_per_j = self._decision.price_per_j or 0.0
        if routed_per_j < _LEAST_PRICE * self._model.highest_price_per_j:
            return  # what else moves the shares would be taken for the price's work
        energy_j = float(self._model.layer.energy_per_token_j(shares))
        response = self._model.price_of(energy_j) / routed_per_j
        low, high = _RESPONSES
        error = min(max(response, low), high) - self._response
        self._response += (1 - exp(-elapsed_s / _RESPONSE_S)) * error

    def _limit_w(self) -> float:
        """The smaller of the power target and of what the temperature allows."""
        power_w, temp_c = self._targets.power_w, self._targets.temp_c
        limit_w = inf if power_w is None else power_w * (1 - _MARGIN)
        return (
            limit_w
            if temp_c is None
            else min(limit_w, self._heat.power_for(temp_c + _ROUNDED_C, _AHEAD_S))
        )

    def _prices_per_j(self) -> tuple[float, float]:
        """Lowest and highest price that latency and the KL budget allow."""
        highest = self._model.highest_price_per_j * self._brake
        if self._targets.latency_s is None:
            return 0.0, highest
        ratio = max(self._latency_ratio, 1e-9)
        low, high = self._model.within_latency(self._targets.latency_s / ratio)
        return min(low, highest), min(high, highest)

    def _kept_throughput(self, answer: Answer, rate_per_s: float) -> Answer:
        """Let no more wait than the target of throughput allows."""
        least_per_s = self._targets.tokens_per_s
        if least_per_s is None or rate_per_s <= 0:
            return answer
        most = max(0.0, 1 - least_per_s / rate_per_s)
        return Answer(answer.price_per_j, min(answer.deferred_share, most))

    def _terms(self, limit_w: float) -> dict[str, float]:
        price = self._answer.price_per_j
        terms = {
            "expected_w": self._expected_w,
            "offset_w": self._power.offset_w,
            "gain": self._power.gain,
            "sensor_lag_s": self._power.lag_s,
            "ambient_c": self._heat.ambient_c,
            "response": self._response,
            "temp_stuck": float(self._heat.stuck),
            "expected_kl_nats": self._model.kl_at_nats(price),
        }
        if self._is_untold():
            terms["assumed_per_s"] = self._rate_per_s()
        return terms if limit_w == inf else terms | {"limit_w": limit_w}
