"""`kernel_cost_model.json` of minors 1.0 to 1.4 in the form of 1.5."""

from typing import Any, Final

# Of public tables, by the rule of files before 1.5: where those have too few scores of their own.
_QUANTILES: Final = {"50": 0.3, "80": 0.8, "90": 1.2, "95": 1.8}


def updated_model(body: dict[str, Any]) -> dict[str, Any]:
    """The body of a model of any minor, in the form of the current one.

    Heat without a recorded step, as before 1.3, is left out. Before 1.5 the scale of an error was
    the larger of the log-jump and a floor, of the curve or of all: it becomes their sum in
    quadrature, never narrower.
    """
    thermal = body.get("thermal")
    if isinstance(thermal, dict) and thermal.get("step") is None:
        body = body | {"thermal": None}
    scores, curves = body.get("intervals"), body.get("curves")
    if not isinstance(scores, dict) or "floor" not in scores or not isinstance(curves, list):
        return body
    return body | {
        "intervals": _with_all_quantiles(scores),
        "curves": [_with_scale(curve, scores["floor"]) for curve in curves],
    }


def _with_all_quantiles(scores: dict[str, Any]) -> dict[str, Any]:
    """Scores whose unknown quantiles are those of public tables, ascending as all must."""
    quantiles = scores.get("quantiles")
    if not isinstance(quantiles, dict):
        return scores
    filled, least = {}, 0.0
    for percent, public in _QUANTILES.items():
        own = quantiles.get(percent)
        filled[percent] = max(public, least) if own is None else own
        if isinstance(own, float | int):
            least = own
    return scores | {"quantiles": filled}


def _with_scale(curve: Any, floor: Any) -> Any:
    if not isinstance(curve, dict):
        return curve
    own = curve.get("floor")
    return {"noise": floor if own is None else own, "jump_share": 1.0} | curve
