"""How an AdaptiveRouter is to route."""

from dataclasses import dataclass, field
from math import isfinite
from typing import Literal, get_args

import torch

from ..kernels.arguments import MAX_PICKS
from ..kernels.routing import PLAIN, Routing
from ..store.cost_model import ThermalResponse
from ..store.errors import BadInput, check_type
from .control.controller import Targets
from .expert_costs import ExpertCosts
from .static.whole_step import WholeStep

Strategy = Literal["baseline", "static_optimal", "kernel_aware", "kernel_aware_ttha"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterSettings:
    """How to route, at which prices and within which limits.

    `top_k` experts a token, by `routing`; `correction_bias` float32 [experts] is the model's own,
    without its gradient where it is a parameter.
    `strategy`: baseline is the model's own routing; static_optimal plans for loads like those of
    its first batch; kernel_aware ranks by score - alpha dE/dn - beta dT/dn; kernel_aware_ttha takes
    the bias of a controller.

    `alpha_per_j` and `beta_per_s` are what a joule and a second cost in units of a score, for
    kernel_aware. `kl_price_j` is what a nat of change may cost in J, None for eight times what an
    assignment costs; `time_price_w` what a second is worth in W, beside idle power. Where energy
    is unknown and time_price_w is 0 a second counts as 1 J: a kl_price_j is one in s. Of `targets`
    the router itself keeps to power and temperature; `thermal` is how power becomes temperature.
    `whole_step` is a predicted step of the model around the layer: static_optimal reads fewer
    experts only where that step is bound by reading them.

    Raises BadInput for an unknown strategy and a price that is none.
    """

    top_k: int
    strategy: Strategy = "static_optimal"
    routing: Routing = PLAIN
    correction_bias: torch.Tensor | None = None
    kl_price_j: float | None = None
    time_price_w: float = 0.0
    alpha_per_j: float = 0.0
    beta_per_s: float = 0.0
    targets: Targets = field(default_factory=Targets)
    thermal: ThermalResponse | None = None
    whole_step: WholeStep | None = None

    def __post_init__(self) -> None:
        check_type("top_k", self.top_k, int)
        if self.correction_bias is not None:
            check_type("correction_bias", self.correction_bias, torch.Tensor)
            object.__setattr__(self, "correction_bias", self.correction_bias.detach())
        if self.strategy not in get_args(Strategy):
            raise BadInput(
                f"the strategy is {self.strategy!r}", hint=f"one of {', '.join(get_args(Strategy))}"
            )
        if self.kl_price_j is not None and not (isfinite(self.kl_price_j) and self.kl_price_j > 0):
            raise BadInput(f"kl_price_j is {self.kl_price_j} J, and must be above 0")
        check_not_negative("time_price_w", self.time_price_w)
        check_not_negative("alpha_per_j", self.alpha_per_j)
        check_not_negative("beta_per_s", self.beta_per_s)

    def check(self, costs: ExpertCosts) -> None:
        """Raise BadInput where these settings do not fit the experts of `costs`."""
        experts, routing = costs.experts, self.routing
        if experts % routing.groups:
            raise BadInput(f"{experts} experts do not divide into {routing.groups} groups")
        kept = experts // routing.groups * routing.kept_groups
        if not 1 <= self.top_k <= min(kept, MAX_PICKS):
            raise BadInput(
                f"top_k is {self.top_k}, and must be 1 to {min(kept, MAX_PICKS)}: a token goes to"
                f" different experts, and may go to {kept}"
            )
        own = self.correction_bias
        if own is not None and (own.shape != (experts,) or own.dtype != torch.float32):
            raise BadInput(
                f"the correction bias must be torch.float32 [{experts}], not {own.dtype}"
                f" {list(own.shape)}"
            )
        if own is not None and not torch.isfinite(own).all():
            raise BadInput(
                "the correction bias must be finite",
                hint="a large negative number switches an expert off",
            )


def check_not_negative(name: str, value: float) -> None:
    """Raise BadInput unless a weight is a number of 0 or more."""
    if not (isfinite(value) and value >= 0):
        raise BadInput(f"{name} is {value}, and must be 0 or more")
