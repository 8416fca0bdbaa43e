from dataclasses import replace
from typing import Literal

import numpy as np
import pytest

from moeprof.router.plant import Gpu, Plant, Scene, SensorFault
from moeprof.router.scenes import example_layer
from moeprof.store.cost_model import Pole
from moeprof.store.errors import BadInput

LAYER = example_layer(0)
STILL = np.zeros(LAYER.costs.experts)
EXACT = Gpu(gain=1.0, mismatch=0.0, leakage_w_per_c=0.0, sensor_noise_w=0.0)
CALM = Scene(((0.0, 50e3),), seconds=120.0, ripple=0.0, noise=0.0)
EXPECTED_W = LAYER.costs.idle_power_w + 50e3 * float(LAYER.energy_per_token_j(LAYER.shares))


def test_an_exact_gpu_draws_what_the_model_says() -> None:
    telemetry, truth = Plant(LAYER, CALM, EXACT, 1).step(STILL)
    assert truth.power_w == telemetry.power_w == pytest.approx(EXPECTED_W)
    assert truth.kl_nats == pytest.approx(0.0, abs=1e-12)
    assert telemetry.tokens_per_s == 50e3
    assert telemetry.shares == pytest.approx(LAYER.shares)


def test_a_bias_and_waiting_tokens_lower_the_power() -> None:
    dear = np.where(LAYER.costs.energy_j[:, 1] > 2, -3.0, 0.0)
    plant = Plant(LAYER, CALM, EXACT, 1)
    _, routed = plant.step(dear)
    _, deferred = plant.step(STILL, 0.5)
    assert routed.power_w < EXPECTED_W - 20
    assert routed.kl_nats > 0.1
    idle_w = LAYER.costs.idle_power_w
    assert deferred.power_w == pytest.approx(idle_w + (EXPECTED_W - idle_w) / 2)


def test_it_heats_to_its_steady_temperature() -> None:
    plant = Plant(LAYER, CALM, replace(EXACT, poles=(Pole(2.0, 0.1),)), 1)
    temps_c = [plant.step(STILL)[1].temp_c for _ in range(600)]
    assert temps_c[-1] == pytest.approx(30 + 0.1 * EXPECTED_W, abs=0.1)
    assert temps_c[0] == pytest.approx(45.0, abs=2.0)


@pytest.mark.parametrize(
    ("sensor", "lag_s", "first", "full"),
    [("average", 0.0, 10, 19), ("average", 1.0, 20, 29), ("counter", 0.5, 15, 15)],
)
def test_a_sensor_averages_and_lags(
    sensor: Literal["average", "counter"], lag_s: float, first: int, full: int
) -> None:
    gpu = replace(EXACT, sensor=sensor, lag_s=lag_s)
    scene = Scene(((0.0, 0.0), (1.0, 50e3)), seconds=5.0, ripple=0.0, noise=0.0)
    plant = Plant(LAYER, scene, gpu, 1)
    read_w = np.array([plant.step(STILL)[0].power_w for _ in range(50)])
    idle_w = LAYER.costs.idle_power_w
    assert int(np.argmax(read_w > idle_w + 1)) == first
    assert int(np.argmax(read_w > EXPECTED_W - 1e-6)) == full


def test_temperature_is_read_in_whole_degrees() -> None:
    telemetry, truth = Plant(LAYER, CALM, EXACT, 1).step(STILL)
    assert telemetry.temp_c == np.floor(truth.temp_c)


def test_another_process_and_leakage_add_power() -> None:
    scene = Scene(((0.0, 50e3),), cotenant_w=((0.0, 40.0),), ripple=0.0, noise=0.0)
    gpu = replace(EXACT, first_temp_c=60.0, leakage_w_per_c=0.5)
    _, truth = Plant(LAYER, scene, gpu, 1).step(STILL)
    assert truth.power_w == pytest.approx(EXPECTED_W + 40 + 5)


def test_faults_hide_the_gpu_and_not_the_arrivals() -> None:
    faults = (SensorFault("lost", 1.0, 2.0), SensorFault("frozen", 3.0, 4.0))
    scene = Scene(((0.0, 50e3),), seconds=6.0, faults=faults)
    plant = Plant(LAYER, scene, Gpu(), 1)
    read = [plant.step(STILL)[0] for _ in range(60)]
    assert {one.power_w for one in read[10:18]} == {None}
    assert {one.power_w for one in read[29:38]} == {read[28].power_w}
    assert len({one.tokens_per_s for one in read}) == 60
    assert None not in {one.power_w for one in read[40:]}


def test_a_jumping_sensor_is_wrong_now_and_then() -> None:
    scene = Scene(((0.0, 50e3),), seconds=60.0, faults=(SensorFault("jumping", 0.0, 60.0),))
    plant = Plant(LAYER, scene, Gpu(), 1)
    read_w = np.array([plant.step(STILL)[0].power_w for _ in range(600)])
    far = np.abs(read_w - np.median(read_w)) > 60
    assert 0.04 < far.mean() < 0.15


def test_a_seed_makes_the_same_gpu_again() -> None:
    first, again, other = (Plant(LAYER, CALM, Gpu(), seed).step(STILL)[1] for seed in (1, 1, 2))
    assert first == again != other


def test_shares_that_drift_are_no_change_of_routing() -> None:
    plant = Plant(LAYER, Scene(((0.0, 50e3),), drift=0.3), Gpu(), 1)
    telemetry, truth = plant.step(STILL)
    assert truth.kl_nats == pytest.approx(0.0, abs=1e-9)
    assert telemetry.shares is not None
    assert np.abs(telemetry.shares / LAYER.shares - 1).max() > 0.05


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"seconds": 0.0}, "a scene of 0.0 s"),
        ({"ambient_c": ((1.0, 30.0),)}, "must ascend from 0 s"),
        ({"cotenant_w": ((0.0, 1.0), (9.0, 2.0), (3.0, 1.0))}, "must ascend from 0 s"),
    ],
)
def test_a_scene_that_is_none_is_refused(wrong: dict[str, object], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        Scene(((0.0, 1.0),), **wrong)  # type: ignore[arg-type]
