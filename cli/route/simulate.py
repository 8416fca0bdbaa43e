"""`moeprof route simulate`: controllers of the routing on a simulated GPU."""

from pathlib import Path

from .. import render
from ..options import DEFAULT_STORE, Json, find_model
from .options import (
    AllowEstimates,
    Compare,
    Controller,
    Experts,
    KlBudget,
    Report,
    Seed,
    Served,
    ServedRouting,
    ServedTokens,
    TargetPower,
    TargetTemp,
    TopK,
)
from .simulate_output import show_simulation, simulation_data


def simulate(
    model: Served = None,
    controller: Controller = "mrpd",
    compare: Compare = False,
    target_power: TargetPower = None,
    target_temp: TargetTemp = None,
    kl_budget: KlBudget = None,
    tokens: ServedTokens = None,
    experts: Experts = None,
    top_k: TopK = None,
    routing: ServedRouting = None,
    allow_estimates: AllowEstimates = False,
    seed: Seed = 0,
    report: Report = False,
    json: Json = False,
) -> None:
    """Hold power and temperature on a simulated GPU.

    Ten minutes are simulated: no GPU is needed, and nothing that is shown was measured.

    \b
    moeprof route simulate --compare
    moeprof route simulate MODEL --target-power 400 --controller pi
    moeprof route simulate MODEL --experts 128 --top-k 8 --target-temp 80
    """  # noqa: D301 - the help is not rewrapped below a backspace, and a raw string holds none
    from ...pipeline.route.simulate import PlanQuery, SimulateQuery, Targets
    from ...pipeline.route.simulate import simulate as try_controllers

    path = None if model is None else find_model(model, DEFAULT_STORE)
    asked = (tokens, experts, top_k, routing, allow_estimates or None)
    layer = PlanQuery(
        tokens=512 if tokens is None else tokens,
        experts=experts,
        top_k=top_k,
        routing="uniform" if routing is None else routing,
        allow_estimates=allow_estimates,
    )
    given = target_power is not None or target_temp is not None
    query = SimulateQuery(
        controller=controller,
        compare=compare,
        targets=Targets(target_power, target_temp) if given else None,
        kl_budget_nats=kl_budget,
        seed=seed,
        layer=None if asked == (None,) * len(asked) else layer,
    )
    found = try_controllers(path, query)
    if json:
        render.data({"model": None if path is None else str(path), **simulation_data(found)})
    else:
        show_simulation(found)
    if report:
        from ...report.simulation import write_simulation

        page = (Path() if path is None else path.parent) / "simulation.html"
        write_simulation(page, found)
        (render.say if json else render.text)(str(page))
