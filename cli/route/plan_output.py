"""What `moeprof route plan` prints: both routings, the kinds of experts, and what is certified."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .. import render

if TYPE_CHECKING:
    from ...pipeline.route.plan import KindRow, RoutePlan


def show_plan(found: "RoutePlan") -> None:
    """Show a plan: both routings, the kinds of experts, and what is to know of it."""
    gpus = "1 GPU" if found.gpus == 1 else f"{found.gpus} GPUs"
    tokens = "1 token" if found.tokens == 1 else f"{found.tokens} tokens"
    render.table(
        f"{tokens} to {found.top_k} of {found.experts} experts each, on {gpus}",
        ["one pass", "#own routing", "#planned", "#% change", "unit"],
        [
            _row(name, own / per_unit, planned / per_unit, unit)
            for name, own, planned, per_unit, unit in _quantities(found)
            if own is not None and planned is not None
        ],
    )
    render.table(
        "Experts by kind, in the mean of each",
        ["kernels", "#experts", "#rows", "#planned", "#bias", "#to", "#hull"],
        [
            [
                kind.kind,
                str(kind.experts),
                render.number(kind.own_rows, 3),
                render.number(kind.rows, 3),
                f"{kind.least_bias:+z.3f}",
                f"{kind.largest_bias:+z.3f}",
                _hulls(kind),
            ]
            for kind in found.kinds
        ],
    )
    for sentence in _sentences(found):
        render.paragraph(sentence)


def _quantities(
    found: "RoutePlan",
) -> Iterator[tuple[str, float | None, float | None, float, str]]:
    """The rows of the first table: name, both values, what one unit is, its name."""
    own, planned = found.own, found.planned
    yield "energy above idle", own.energy_j, planned.energy_j, 1e-3, "mJ"
    yield "latency", own.latency_s, planned.latency_s, 1e-6, "us"
    yield "power without waiting", own.power_w, planned.power_w, 1.0, "W"
    if found.cap_w is not None:
        yield "period within the cap", own.period_s, planned.period_s, 1e-6, "us"
    yield "energy with idle", own.total_j, planned.total_j, 1e-3, "mJ"
    yield "active experts", own.active_experts, planned.active_experts, 1.0, ""


def _hulls(kind: "KindRow") -> str:
    """The distances of energy, where it is known, and of latency."""
    known = filter(lambda one: one is not None, (kind.energy_distance, kind.latency_distance))
    return ", ".join(map(render.percent, known))


def _row(name: str, own: float, planned: float, unit: str) -> list[str]:
    change = f"{100 * (planned / own - 1):+z.2f}" if own else "-"
    return [name, render.number(own), render.number(planned), change, unit]


def _sentences(found: "RoutePlan") -> Iterator[str]:
    yield f"regime: {found.regime}: {found.reasons[0]}"
    yield f"verdict: {found.verdict}: {_verdict(found)}"
    yield f"certificate: {_certificate(found)}"
    yield _saved(found)
    yield _price(found)
    yield from found.reasons[1:]
    yield (
        "hull: the share by which the curve of energy, and that of latency, lies above its convex"
        " hull at most, in % and for experts in use"
    )


def _verdict(found: "RoutePlan") -> str:
    if found.cap_w is None:
        return "there is no cap"
    cap = f"the cap of {render.number(found.cap_w)} W"
    if found.verdict == "slack":
        return f"the model's own routing keeps to {cap}"
    if found.verdict == "routed":
        return f"routing alone keeps to {cap}"
    period = f"one pass every {render.number(found.planned.period_s * 1e6)} us keeps to {cap}"
    if found.safe_tokens is None:
        return f"{period}; no batch size does without waiting"
    return f"{period}; without waiting a batch of up to {found.safe_tokens} tokens does"


def _certificate(found: "RoutePlan") -> str:
    if found.regime == "none":
        return "no routing is better"
    if found.gap_of == "top-k mass":
        return (
            f"no set of experts to read is better by more than {_percent(found.gap)} of the batch's"
            " top-k mass, of those that hold each token's first choice and the best top-k over all"
            " tokens (program D)"
        )
    return (
        f"no loads are better by more than {_percent(found.gap)} of the objective by convex hulls,"
        f" and {_percent(found.measured_gap)} by the curves as they are, of loads that"
        " keep all these experts in use (program C)"
    )


def _saved(found: "RoutePlan") -> str:
    kl_nats = found.kl_nats / (found.tokens * found.top_k)
    a_nat = f"{render.number(kl_nats, 3)} nats of KL an assignment"
    own, planned = found.own, found.planned
    if own.total_j is None or planned.total_j is None:
        saved_us = 1e6 * (own.period_s - planned.period_s)
        return f"saved: {render.number(saved_us, 3)} us a pass, for {a_nat}"
    saved_mj = 1e3 * (own.total_j - planned.total_j)
    return f"saved: {render.number(saved_mj, 3)} mJ a pass with idle power, for {a_nat}"


def _price(found: "RoutePlan") -> str:
    if found.kl_price_j is not None:
        return f"price: a nat of KL may cost {render.number(1e3 * found.kl_price_j, 3)} mJ"
    assert found.kl_price_s is not None
    price_us = render.number(1e6 * found.kl_price_s, 3)
    return f"price: a nat of KL may cost {price_us} us: energy is unknown, so --kl-price is in s"


def _percent(share: float | None) -> str:
    return f"{render.percent(share)} %"
