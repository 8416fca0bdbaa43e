"""Controllers of the routing on a simulated GPU, beside each other in one scene."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from ...costmodel.model import KernelCostModel
from ...router.control.controller import Targets
from ...router.control.registry import CONTROLLERS, ControllerName, make_controller
from ...router.control.served_layer import ServedLayer
from ...router.from_model import costs_of_experts
from ...router.plant import Gpu, Plant, Scene
from ...router.scenes import AMBIENT_C, example_layer, steps_scene
from ...router.trial import Score, Trial, run_trial
from ...stats.routing.distribution import distribution, distribution_words
from ...store.cost_model import Pole
from ...store.errors import BadInput
from ..cost import load
from .plan_query import PlanQuery, check_sizes, kinds_of, top_k_of

__all__ = ["CONTROLLERS", "PlanQuery", "Score", "Simulation", "Targets", "Tried", "simulate"]

EXAMPLE_TARGETS: Final = Targets(power_w=390.0, temp_c=66.0)
_COMPARED: Final[tuple[ControllerName, ...]] = ("none", "pi", "mrpd")
# The simulated GPU heats by other poles than the controller's: resistance and time constant, times
_OFF: Final = (1.15, 0.85)


@dataclass(frozen=True, slots=True)
class SimulateQuery:
    """What to try: a controller, alone or `compare`d with none, PI and mrpd, in a scene by `seed`.

    `layer` says which experts of the cost model are served, in passes of so many tokens: of 512
    where it is None. The example of router/scenes.py takes none. `targets` of None are those of the
    example.
    """

    controller: ControllerName = "mrpd"
    compare: bool = False
    targets: Targets | None = None
    kl_budget_nats: float | None = None
    seed: int = 0
    layer: PlanQuery | None = None
    seconds: float = 600.0


@dataclass(frozen=True, eq=False, slots=True)
class Tried:
    """A controller, and what it made of the scene."""

    controller: ControllerName
    trial: Trial


@dataclass(frozen=True, eq=False, slots=True)
class Simulation:
    """What was tried, all of it simulated. `remarks` are what to know of the energies."""

    experts: int
    top_k: int
    targets: Targets
    seed: int
    scene: Scene
    energy_source: str
    remarks: tuple[str, ...]
    tried: tuple[Tried, ...]


def simulate(model: Path | str | None, query: SimulateQuery) -> Simulation:
    """Try controllers on a simulated GPU that serves the experts of a model, or the example.

    Raises BadInput for targets that cannot be reached or that nothing strains, where the model
    lacks what the layer needs, and for a layer without a model.
    """
    targets, response = query.targets, None
    if model is None:
        if query.layer is not None:
            raise BadInput(
                "the example serves experts of its own: --tokens, --experts, --top-k, --routing and"
                " --allow-estimates are of the experts of a model",
                hint="name one: moeprof route simulate MODEL --experts 128 --top-k 8",
            )
        layer = example_layer(query.seed)
        targets = targets or EXAMPLE_TARGETS
    else:
        loaded = load(model)
        response = None if loaded.file.thermal is None else loaded.file.thermal.step
        layer = _layer(loaded, query.layer or PlanQuery(tokens=512))
        targets = targets or Targets()
    gpu = Gpu() if response is None else Gpu(poles=_other_poles(response.poles))
    names = dict.fromkeys((*(_COMPARED if query.compare else ()), query.controller))
    controllers = {
        name: make_controller(
            name, layer, targets, response=response, kl_budget_nats=query.kl_budget_nats
        )
        for name in names
    }
    ambient_c = AMBIENT_C if response is None else response.inlet_c
    scene = steps_scene(layer, targets, gpu, query.seconds, ambient_c)
    with _one_thread() if "adapter" in names else nullcontext():
        tried = tuple(
            Tried(name, run_trial(one, Plant(layer, scene, gpu, query.seed), targets))
            for name, one in controllers.items()
        )
    costs = layer.costs
    return Simulation(
        costs.experts, layer.top_k, targets, query.seed, scene,
        costs.energy_source, costs.remarks, tried,
    )  # fmt: skip


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let torch use one thread: several wait for each other at each step of the adapter."""
    import torch  # here: the other controllers need none

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _layer(model: KernelCostModel, query: PlanQuery) -> ServedLayer:
    check_sizes(query)
    kinds, top_k = kinds_of(model, query), top_k_of(model, query)
    words = distribution_words(query.routing)
    chances = np.array(distribution(words, len(kinds), top_k).held_shares())
    costs = costs_of_experts(
        model, kinds, query.tokens, gpus=query.gpus, allow_estimates=query.allow_estimates
    )
    return ServedLayer(costs, chances / chances.sum(), query.tokens, top_k)


def _other_poles(poles: Sequence[Pole]) -> tuple[Pole, ...]:
    resistance, time = _OFF
    return tuple(
        replace(one, tau_s=one.tau_s * time, r_c_per_w=one.r_c_per_w * resistance) for one in poles
    )
