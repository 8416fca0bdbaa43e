"""No control: the model's own routing, beside which the others are seen."""

from .controller import Decision, Telemetry
from .power_model import PowerModel


class Unchanged:
    """Answers a bias of 0 at every tick."""

    def __init__(self, model: PowerModel) -> None:
        self._decision = Decision(model.bias(0.0), 0.0)

    def tick(self, telemetry: Telemetry) -> Decision:
        """Whatever is read, nothing changes."""
        return self._decision
