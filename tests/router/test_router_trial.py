"""The goals of control on plants that nothing was tuned on; benchmarks/routing.py has more."""

from statistics import fmean
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from moeprof.router.control.controller import Targets
from moeprof.router.control.registry import ControllerName, make_controller
from moeprof.router.plant import Gpu, Plant, Scene
from moeprof.router.scenes import example_layer, steps_scene
from moeprof.router.trial import Score, Trial, run_trial

TARGETS = Targets(power_w=390.0, temp_c=66.0)
SECONDS = 200.0
SEEDS = (901, 902)


def tried(name: ControllerName, seed: int, gpu: Gpu) -> Trial:
    layer = example_layer(seed)
    scene = steps_scene(layer, TARGETS, gpu, SECONDS)
    return run_trial(make_controller(name, layer, TARGETS), Plant(layer, scene, gpu, seed), TARGETS)


def means(name: ControllerName, gpu: Gpu) -> Any:
    """Fields of a score in the mean; both targets are there, so none is None."""
    scores = [tried(name, seed, gpu).score for seed in SEEDS]
    return SimpleNamespace(
        **{field: fmean(getattr(one, field) or 0.0 for one in scores) for field in Score.__slots__}
    )


@pytest.mark.parametrize(
    ("gpu", "most_over"),
    [(Gpu(), 0.02), (Gpu(lag_s=1.0), 0.04), (Gpu(gain=1.375), 0.02), (Gpu(gain=0.77), 0.02)],
    ids=["nominal", "1 s later", "gain x1.25", "gain x0.7"],
)
def test_the_targets_are_held(gpu: Gpu, most_over: float) -> None:
    score = means("mrpd", gpu)
    assert score.over_share <= most_over  # 170 s hold as many events as 600 s
    assert score.hot_share <= 0.005


def test_control_beats_none_and_pi() -> None:
    none, pi, mrpd = (means(name, Gpu()) for name in ("none", "pi", "mrpd"))
    assert none.over_share > 0.3
    assert mrpd.over_share < pi.over_share < none.over_share
    assert mrpd.excess_kj < pi.excess_kj
    assert none.kl_nats == pytest.approx(0.0, abs=1e-9)
    assert none.deferred_share == 0.0


def test_a_score_counts_seconds_and_not_ticks() -> None:
    layer = example_layer(1)
    gpu = Gpu(gain=1.0, mismatch=0.0, leakage_w_per_c=0.0, sensor_noise_w=0.0)
    rate_per_s = 280.0 / float(layer.energy_per_token_j(layer.shares))
    arrivals = ((0.0, rate_per_s), (40.0, 1.1 * rate_per_s), (60.0, rate_per_s))
    scene = Scene(arrivals, seconds=130.0, ripple=0.0, noise=0.0)
    trial = run_trial(make_controller("none", layer, TARGETS), Plant(layer, scene, gpu, 1), TARGETS)
    assert trial.score.over_share == pytest.approx(0.2, abs=0.01)
    assert trial.score.most_over_w == pytest.approx(28.0)
    assert trial.score.excess_kj == pytest.approx(0.56, abs=0.02)
    assert trial.score.settled_s == pytest.approx(20.8, abs=0.3)
    assert trial.at_s[-1] == pytest.approx(130.0)
    assert np.isfinite(trial.power_w).all()


def test_a_score_without_a_target_is_none() -> None:
    layer = example_layer(1)
    scene = steps_scene(layer, TARGETS, Gpu(), 40.0)
    for targets in (Targets(power_w=390.0), Targets(temp_c=66.0)):
        controller = make_controller("none", layer, targets)
        score = run_trial(controller, Plant(layer, scene, Gpu(), 1), targets).score
        has_power = targets.power_w is not None
        for value in (score.over_share, score.most_over_w, score.excess_kj):
            assert (value is not None) == has_power
        assert (score.hot_share is None) == has_power
