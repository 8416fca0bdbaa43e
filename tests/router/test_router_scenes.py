import numpy as np
import pytest

from moeprof.router.control.controller import Targets
from moeprof.router.plant import Gpu
from moeprof.router.scenes import drawn_scene, example_layer, steps_scene
from moeprof.store.errors import BadInput

LAYER = example_layer(3)
BOTH = Targets(power_w=390.0, temp_c=66.0)


def test_the_example_is_drawn_by_its_seed() -> None:
    assert np.array_equal(example_layer(3).shares, LAYER.shares)
    assert not np.array_equal(example_layer(4).shares, LAYER.shares)
    assert LAYER.costs.energy_source == "assumed"


def test_the_steps_go_beyond_the_target_and_come_back() -> None:
    scene = steps_scene(LAYER, BOTH, Gpu())
    energy_j = float(LAYER.energy_per_token_j(LAYER.shares))
    dynamic_w = [rate * energy_j for _, rate in scene.arrivals_per_s]
    assert dynamic_w == pytest.approx([0.77 * 280, 1.07 * 280, 0.61 * 280])
    assert [at_s for at_s, _ in scene.arrivals_per_s] == [0, 120, 480]


def test_a_target_of_temperature_alone_gives_the_power_that_heats_to_it() -> None:
    scene = steps_scene(LAYER, Targets(temp_c=66.0), Gpu(), seconds=60.0)
    assert scene.seconds == 60
    assert scene.arrivals_per_s[1][1] > 0


def test_drawn_scenes_differ_by_seed() -> None:
    scenes = [drawn_scene(LAYER, BOTH, Gpu(), seed) for seed in (1, 1, 2)]
    assert scenes[0] == scenes[1] != scenes[2]
    assert len(scenes[0].arrivals_per_s) == 7


def test_nothing_to_hold_is_refused() -> None:
    with pytest.raises(BadInput, match="no target of power or temperature"):
        steps_scene(LAYER, Targets(latency_s=1.0), Gpu())
    with pytest.raises(BadInput, match=r"the layer at full load takes \d+ W") as refusal:
        steps_scene(LAYER, Targets(power_w=1e9), Gpu())
    assert "give a target of power below" in refusal.value.hint


def test_a_temperature_of_the_idle_gpu_is_unreachable() -> None:
    for targets in (Targets(temp_c=46.8), Targets(power_w=390.0, temp_c=20.0)):
        with pytest.raises(BadInput, match=r"the idle GPU has 46\.8 °C") as refusal:
            steps_scene(LAYER, targets, Gpu())
        assert "the floor is 46.8 °C" in refusal.value.hint
    assert steps_scene(LAYER, Targets(temp_c=50.0), Gpu()).arrivals_per_s[0][1] > 0
