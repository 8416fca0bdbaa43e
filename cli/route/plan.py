"""`moeprof route plan`: one static answer, with its certificate."""

from dataclasses import asdict

from .. import render
from ..options import DEFAULT_STORE, Json, Store, find_model
from .options import (
    AllowEstimates,
    Experts,
    Gpus,
    KlPrice,
    Model,
    PowerCap,
    Routing,
    TempLimit,
    Tokens,
    TopK,
    WholeStep,
)
from .plan_output import show_plan


def plan(
    tokens: Tokens,
    model: Model = None,
    experts: Experts = None,
    top_k: TopK = None,
    gpus: Gpus = 1,
    routing: Routing = "uniform",
    power_cap: PowerCap = None,
    temp_limit: TempLimit = None,
    kl_price: KlPrice = None,
    allow_estimates: AllowEstimates = False,
    step: WholeStep = None,
    store: Store = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """Plan the routing of one batch, with a certificate.

    \b
    moeprof route plan --tokens 4096 --routing zipf:1.2 --power-cap 500
    moeprof route plan MODEL --tokens 64 --experts 128 --top-k 8 --gpus 4
    """  # noqa: D301 - the help is not rewrapped below a backspace, and a raw string holds none
    from ...pipeline.route.plan import PlanQuery, plan_route

    path = find_model(model, store)
    query = PlanQuery(
        tokens=tokens,
        experts=experts,
        top_k=top_k,
        gpus=gpus,
        routing=routing,
        power_cap_w=power_cap,
        temp_limit_c=temp_limit,
        kl_price_j=kl_price,
        allow_estimates=allow_estimates,
        step=step,
    )
    found = plan_route(path, query)
    if found.stale is not None:
        render.warn(found.stale)
    if json:
        render.data({"model": str(path), **asdict(found)})
        return
    render.say(f"model: {path}")
    show_plan(found)
