import json
from pathlib import Path

import pytest

from moeprof.pipeline.route.simulate import Simulation, Tried
from moeprof.report.simulation import course_spec, write_simulation
from moeprof.router.control.controller import Targets
from moeprof.router.control.registry import ControllerName, make_controller
from moeprof.router.plant import Gpu, Plant
from moeprof.router.scenes import example_layer, steps_scene
from moeprof.router.trial import run_trial

TARGETS = Targets(power_w=390.0, temp_c=66.0)
NAMES: tuple[ControllerName, ...] = ("none", "pi")


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    layer, gpu = example_layer(0), Gpu()
    scene = steps_scene(layer, TARGETS, gpu, seconds=60.0)
    controllers = {name: make_controller(name, layer, TARGETS) for name in NAMES}
    tried = tuple(
        Tried(name, run_trial(controller, Plant(layer, scene, gpu, 0), TARGETS))
        for name, controller in controllers.items()
    )
    return Simulation(16, 2, TARGETS, 0, scene, "estimated", ("<b>assumed</b>",), tried)


def test_the_page_is_labelled_simulated_and_whole(simulation: Simulation, tmp_path: Path) -> None:
    path = tmp_path / "simulation.html"
    write_simulation(path, simulation)
    text = path.read_text()
    assert '<span class="badge">simulated</span>' in text
    assert "Everything on this page is simulated" in text
    assert "&lt;b&gt;assumed&lt;/b&gt;" in text
    assert text.count('class="plot"') == 4
    assert 'src="http' not in text
    assert len(text) < 2_000_000
    assert "Steps of the simulated scene" in text


def test_a_course_has_each_controller_and_the_target(simulation: Simulation) -> None:
    spec = course_spec(simulation, "power_w", "power (W)", 390.0)
    rows = spec["datasets"]["courses"]
    assert {row["controller"] for row in rows} == {"none", "pi"}
    assert 500 <= len(rows) <= 600
    assert spec["datasets"]["target"] == [{"value": 390.0}]
    assert "$schema" not in json.dumps(spec)
    highest = max(row["value"] for row in rows if row["controller"] == "none")
    assert highest == pytest.approx(simulation.tried[0].trial.power_w.max(), rel=1e-3)


def test_without_a_target_there_is_no_line(simulation: Simulation) -> None:
    assert course_spec(simulation, "kl_nats", "KL", None)["datasets"]["target"] == []
