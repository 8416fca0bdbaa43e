"""The controllers by the names that `--controller` takes."""

from typing import TYPE_CHECKING, Final, Literal, get_args

from ...store.cost_model import ThermalResponse
from ...store.errors import BadInput
from .controller import Controller, Targets
from .mrpd import ModelReference
from .pi import ProportionalIntegral
from .power_model import PowerModel
from .reachable import check_reachable
from .served_layer import ServedLayer
from .supervised import HOLD_S, Supervised
from .unchanged import Unchanged

if TYPE_CHECKING:
    from .adapter import AdapterWeights

ControllerName = Literal["mrpd", "pi", "none", "adapter"]
CONTROLLERS: Final[tuple[ControllerName, ...]] = get_args(ControllerName)


def make_controller(
    name: ControllerName,
    layer: ServedLayer,
    targets: Targets,
    *,
    response: ThermalResponse | None = None,
    kl_budget_nats: float | None = None,
    hold_s: float = HOLD_S,
    weights: "AdapterWeights | None" = None,
) -> Supervised:
    """A controller by name, under supervision.

    `response` is the thermal response of the cost model, whose poles replace those of a large GPU.
    Without a reading of power for `hold_s` seconds the routing is static (supervised.py). `weights`
    are those of the adapter.
    Raises BadInput for an unknown name, and for targets that cannot be reached (reachable.py).
    """
    model = PowerModel(layer, kl_budget_nats)
    check_reachable(model, targets, response)
    poles = None if response is None else response.poles
    controller: Controller
    if name == "mrpd":
        controller = ModelReference(model, targets, poles, kl_budget_nats)
    elif name == "pi":
        controller = ProportionalIntegral(model, targets)
    elif name == "none":
        controller = Unchanged(model)
    elif name == "adapter":
        from .adapter import TTHAAdapter  # here: the others need no torch

        controller = TTHAAdapter(model, targets, poles, weights)
    else:
        raise BadInput(f"there is no controller {name!r}", hint=f"one of {', '.join(CONTROLLERS)}")
    return Supervised(controller, model, targets, hold_s=hold_s)
