"""How well controllers keep 390 W and 66 degC on the simulated GPU, and what a tick takes.

The plant is simulated (router/plant.py), its energies are assumed. Seeds are 1000 and up: the
controllers were tuned on 300 to 304. Scenes: `steps` is that of the design (arrivals rise and fall,
ambient warms, another process comes and goes); `late` is the same with a sensor 1 s later, `x1.25`
and `x0.7` with experts that take so many times as much; `drawn` has steps at drawn times, and
shares that drift. The KL is that of an assignment.
"""

from collections.abc import Iterator, Set
from typing import Final

import numpy as np

from moeprof.benchmarks.on_gpu.document import Row
from moeprof.benchmarks.routed.goals import at_most, beside
from moeprof.router.control.controller import Targets
from moeprof.router.control.registry import ControllerName, make_controller
from moeprof.router.plant import Gpu, Plant
from moeprof.router.scenes import drawn_scene, example_layer, steps_scene
from moeprof.router.trial import Score, run_trial

TARGETS: Final = Targets(power_w=390.0, temp_c=66.0)
FIRST_SEED: Final = 1000
OVER_PCT: Final = {"steps": 1.0, "late": 2.0, "x1.25": 1.0, "x0.7": 1.0, "drawn": 1.0}
GPUS: Final = {"late": Gpu(lag_s=1.0), "x1.25": Gpu(gain=1.1 * 1.25), "x0.7": Gpu(gain=1.1 * 0.7)}
CONTROLLERS: Final[tuple[ControllerName, ...]] = ("none", "pi", "mrpd")


def score(name: ControllerName, scene: str, seed: int) -> Score:
    """One controller in one scene."""
    layer, gpu = example_layer(seed), GPUS.get(scene, Gpu())
    if scene == "drawn":
        course = drawn_scene(layer, TARGETS, gpu, seed)
    else:
        course = steps_scene(layer, TARGETS, gpu)
    controller = make_controller(name, layer, TARGETS)
    return run_trial(controller, Plant(layer, course, gpu, seed), TARGETS).score


def rows(seed: int, quick: bool) -> Iterator[Row]:
    """Each controller in each scene, in the mean over seeds, and the experimental adapter."""
    seeds = range(FIRST_SEED + 8 * seed, FIRST_SEED + 8 * seed + (2 if quick else 8))
    for scene in ("steps", "late") if quick else OVER_PCT:
        found = {name: [score(name, scene, one) for one in seeds] for name in CONTROLLERS}
        yield from kept(scene, found)
    if not quick:
        few = [score("adapter", "steps", one) for one in seeds[:1]]
        yield from numbers("steps", "adapter (1 seed)", few)


def kept(scene: str, found: dict[ControllerName, list[Score]]) -> Iterator[Row]:
    """The goals of mrpd in one scene, and the numbers of all."""
    mrpd, pi = found["mrpd"], found["pi"]
    name = f"mrpd, {scene}"
    yield at_most(f"{name}: time over the power target", mean(mrpd, "over_share", 100), "%",
                  OVER_PCT[scene])  # fmt: skip
    yield at_most(f"{name}: time over the thermal target", mean(mrpd, "hot_share", 100), "%", 0.5)
    yield at_most(f"{name}: KL over the PI controller's",
                  mean(mrpd, "kl_nats") / mean(pi, "kl_nats"), "x", 1.1)  # fmt: skip
    yield at_most(f"{name}: mean time of a tick", mean(mrpd, "tick_us", 1e-3), "ms", 1.0)
    yield beside(f"{name}: p99 time of a tick", mean(mrpd, "tick_us_p99", 1e-3), "ms")
    has_goal = {"over_share", "hot_share", "tick_us"}
    for controller, scores in found.items():
        yield from numbers(scene, controller, scores, has_goal if controller == "mrpd" else set())


def numbers(
    scene: str, controller: str, scores: list[Score], known: Set[str] = frozenset()
) -> Iterator[Row]:
    """What one controller came to, but for the fields that are `known`."""
    for what, field, times, unit in (
        ("time over the power target", "over_share", 100.0, "%"),
        ("energy over the power target", "excess_kj", 1.0, "kJ"),
        ("time over the thermal target", "hot_share", 100.0, "%"),
        ("KL", "kl_nats", 1.0, "nats"),
        ("deferred tokens", "deferred_share", 100.0, "%"),
        ("ripple", "ripple_w", 1.0, "W"),
        ("mean time of a tick", "tick_us", 1.0, "us"),
    ):
        if field not in known:
            yield beside(f"{controller}, {scene}: {what}", mean(scores, field, times), unit)


def mean(scores: list[Score], field: str, times: float = 1.0) -> float:
    """The mean of a field over scores, in another unit."""
    return float(np.mean([times * getattr(one, field) for one in scores]))
