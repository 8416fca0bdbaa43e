"""Proportional-integral control of the price, with anti-windup: what others would use."""

from typing import Final

from .controller import Decision, Targets, Telemetry
from .power_model import PowerModel

# The best of a grid of 27 on plants of seeds 300 to 302, but for twice the proportional gain, which
# is a little better there, and swings where routing follows the price more steeply.
_PROPORTIONAL: Final = 0.015  # price for each W over, in units of 1 / mean marginal energy
_INTEGRAL: Final = 0.06  # likewise, in a second
_W_PER_C: Final = 20.0
_HIGHEST: Final = 8.0
_FIRST_S: Final = 0.1
_LONGEST_S: Final = 1.0  # between two ticks, for what one of them may add to the integral


class ProportionalIntegral:
    """Raises the price while power or temperature are over their targets; it predicts nothing."""

    def __init__(self, model: PowerModel, targets: Targets) -> None:
        self._model, self._targets = model, targets
        self._unit_per_j = 1 / model.mean_marginal if model.mean_marginal > 0 else 0.0
        budget = model.budget_price_per_j * model.mean_marginal
        self._highest = min(_HIGHEST, budget)
        self._integral = 0.0
        self._at_s: float | None = None
        self._decision = Decision(model.bias(0.0), 0.0)

    def tick(self, telemetry: Telemetry) -> Decision:
        """Take the larger of both errors; without a reading nothing changes."""
        elapsed_s = _FIRST_S if self._at_s is None else telemetry.at_s - self._at_s
        error_w = self._error_w(telemetry)
        if elapsed_s <= 0 or error_w is None:
            return self._decision
        self._at_s = telemetry.at_s
        output = self._integral + _PROPORTIONAL * error_w
        winds_up = output >= self._highest if error_w > 0 else output <= 0
        if not winds_up:
            self._integral += _INTEGRAL * error_w * min(elapsed_s, _LONGEST_S)
            self._integral = min(max(self._integral, 0.0), self._highest)
        output = min(max(self._integral + _PROPORTIONAL * error_w, 0.0), self._highest)
        price = output * self._unit_per_j
        self._decision = Decision(self._model.bias(price), price, terms={"error_w": error_w})
        return self._decision

    def _error_w(self, telemetry: Telemetry) -> float | None:
        pairs = (
            (telemetry.power_w, self._targets.power_w, 1.0),
            (telemetry.temp_c, self._targets.temp_c, _W_PER_C),
        )
        errors_w = [
            (value - target) * w
            for value, target, w in pairs
            if value is not None and target is not None
        ]
        return max(errors_w, default=None)
