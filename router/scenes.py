"""An example of a layer to serve, and scenes that strain its targets."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from ..store.cost_model import Pole
from ..store.errors import BadInput
from .control.controller import Targets
from .control.served_layer import ServedLayer
from .expert_costs import ExpertCosts
from .plant import Gpu, Scene, Steps

_EXPERTS: Final = 16
_IDLE_W: Final = 110.0
_BF16_MJ, _INT4_MJ = 3.0, 1.3  # mJ for an assignment: assumed, not measured
_ROW_S: Final = 2e-8
_TOKENS, _TOP_K = 512, 2
_MOST_ROWS: Final = 2.0 * _TOKENS
_ASSUMED: Final = "assumed: 3.0 mJ for an assignment of a bf16 expert, 1.3 mJ of int4"

AMBIENT_C: Final = 30.0
# Arrivals, as parts of the rate at which the layer's own routing would be at its limit of power.
_USUAL, _BUSY, _QUIET = 0.77, 1.07, 0.61
_HOTTER_C: Final = 8.0
_COTENANT: Final = 0.21  # share of the power that the limit leaves above idle


def example_layer(seed: int) -> ServedLayer:
    """16 experts, bf16 and int4 in turns, with shares drawn by `seed`; energies are assumed."""
    draw = np.random.default_rng(seed)
    energy_j = np.where(np.arange(_EXPERTS) % 2 == 0, _BF16_MJ, _INT4_MJ) / 1e3
    energy_j = energy_j * draw.uniform(0.9, 1.1, _EXPERTS)
    shares = np.minimum(draw.dirichlet(np.full(_EXPERTS, 6.0)), 0.9 / _TOP_K)
    loads = np.array([0.0, _MOST_ROWS])
    costs = ExpertCosts(
        loads=loads,
        latency_s=np.tile(loads * _ROW_S, (_EXPERTS, 1)),
        energy_j=energy_j[:, None] * loads,
        idle_power_w=_IDLE_W,
        gpu_of=np.zeros(_EXPERTS, np.int64),
        remarks=(_ASSUMED,),
    )
    return ServedLayer(costs, shares / shares.sum(), _TOKENS, _TOP_K)


def steps_scene(
    layer: ServedLayer,
    targets: Targets,
    gpu: Gpu,
    seconds: float = 600.0,
    ambient_c: float = AMBIENT_C,
) -> Scene:
    """Arrivals rise and fall, ambient warms by 8 degC, another process comes and goes.

    Raises BadInput where the layer at full load does not reach the targets' limit.
    """
    limit_w = _limit_w(layer, targets, gpu.poles, ambient_c)
    rate_per_s = _rate_at(layer, limit_w)
    cotenant_w = _COTENANT * (limit_w - layer.costs.idle_power_w)
    return Scene(
        arrivals_per_s=_steps(seconds, (0, _USUAL), (0.2, _BUSY), (0.8, _QUIET), times=rate_per_s),
        ambient_c=_steps(seconds, (0, ambient_c), (0.4, ambient_c + _HOTTER_C)),
        cotenant_w=_steps(seconds, (0, 0), (0.6, cotenant_w), (0.7, 0)),
        seconds=seconds,
    )


def drawn_scene(
    layer: ServedLayer, targets: Targets, gpu: Gpu, seed: int, seconds: float = 600.0
) -> Scene:
    """Steps of arrivals, ambient and of another process at drawn times; shares that drift."""
    draw = np.random.default_rng([seed, 1])
    limit_w = _limit_w(layer, targets, gpu.poles, AMBIENT_C)
    spare_w = limit_w - layer.costs.idle_power_w

    def steps(first: float, low: float, high: float, changes: int) -> Steps:
        parts = np.sort(draw.uniform(0.07, 0.93, changes)).tolist()
        values = draw.uniform(low, high, changes).tolist()
        return _steps(seconds, (0, first), *zip(parts, values, strict=True))

    rate_per_s = _rate_at(layer, limit_w)
    return Scene(
        arrivals_per_s=steps(_USUAL * rate_per_s, 0.4 * rate_per_s, 1.15 * rate_per_s, 6),
        ambient_c=steps(AMBIENT_C, AMBIENT_C - 5, AMBIENT_C + 12, 3),
        cotenant_w=steps(0.0, 0.0, 0.25 * spare_w, 4),
        seconds=seconds,
        drift=0.1,
    )


def _steps(seconds: float, *parts: tuple[float, float], times: float = 1.0) -> Steps:
    return tuple((part * seconds, value * times) for part, value in parts)


def _limit_w(
    layer: ServedLayer, targets: Targets, poles: Sequence[Pole], ambient_c: float
) -> float:
    """The target of power; without one, the power that heats the GPU to its target.

    Raises BadInput for a temperature at or below that of the idle GPU at the scene's end.
    """
    whole_c_per_w = sum(pole.r_c_per_w for pole in poles)
    hottest_c = ambient_c + _HOTTER_C
    floor_c = hottest_c + whole_c_per_w * layer.costs.idle_power_w
    if targets.temp_c is not None and targets.temp_c <= floor_c:
        raise BadInput(
            f"the target temp_c of {targets.temp_c:g} °C is unreachable: the idle GPU has"
            f" {floor_c:.3g} °C in the scene, whose ambient warms to {hottest_c:g} °C",
            hint=f"the floor is {floor_c:.3g} °C: ask for more",
        )
    if targets.power_w is not None:
        return targets.power_w
    if targets.temp_c is None:
        raise BadInput(
            "there is no target of power or temperature: nothing is to be held",
            hint="give one: moeprof route simulate MODEL --target-power 400",
        )
    return (targets.temp_c - hottest_c) / whole_c_per_w


def _rate_at(layer: ServedLayer, limit_w: float) -> float:
    """Tokens/s at which the layer's own routing takes `limit_w`. Raises BadInput if it cannot."""
    energy_j = float(layer.energy_per_token_j(layer.shares))
    full_per_s = layer.tokens / float(layer.latency_s(layer.shares))
    full_w = layer.costs.idle_power_w + full_per_s * energy_j
    if full_w <= limit_w:
        raise BadInput(
            f"the targets allow {limit_w:.0f} W, and the layer at full load takes {full_w:.0f} W:"
            " nothing is to be held",
            hint=f"give a target of power below {full_w:.0f} W",
        )
    return (limit_w - layer.costs.idle_power_w) / energy_j
