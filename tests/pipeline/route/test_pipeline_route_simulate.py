from dataclasses import replace
from pathlib import Path

import pytest
import torch

from moeprof.costmodel.checksum import with_checksum
from moeprof.pipeline.route.plan_query import PlanQuery
from moeprof.pipeline.route.simulate import SimulateQuery, Targets, simulate
from moeprof.store.cost_model import CostModelFile
from moeprof.store.document import write_document
from moeprof.store.errors import BadInput
from moeprof.tests.router.expert_models import HEAT, IDLE_W, chain_file

MIXED = PlanQuery(tokens=128, experts="4:fc1+gelu+fc2,4:dequant_linear+gelu+fc2", top_k=2)


def written(folder: Path, file: CostModelFile) -> Path:
    path = folder / "model.json"
    write_document(path, with_checksum(file))
    return path


def test_the_example_is_held_better_than_by_pi_and_by_none() -> None:
    found = simulate(None, SimulateQuery(compare=True, seed=17, seconds=150.0))
    none, pi, mrpd = (one.trial.score for one in found.tried)
    assert [one.controller for one in found.tried] == ["none", "pi", "mrpd"]
    over = [one.over_share or 0.0 for one in (mrpd, pi, none)]
    assert over[0] < 0.04 < over[1] < over[2]
    assert mrpd.hot_share is not None
    assert mrpd.hot_share <= 0.005
    assert (found.energy_source, found.targets.power_w) == ("assumed", 390.0)


def test_threads_of_torch_that_the_adapter_does_without_are_given_back() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        found = simulate(None, SimulateQuery("adapter", seconds=0.5))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert found.tried[0].controller == "adapter"


def test_the_experts_of_a_model_are_served(tmp_path: Path) -> None:
    model = written(tmp_path, replace(chain_file(), thermal=HEAT))
    query = SimulateQuery("none", targets=Targets(power_w=IDLE_W + 20), layer=MIXED)
    found = simulate(model, query)
    assert (found.experts, found.top_k) == (8, 2)
    assert found.scene.ambient_c[0] == (0, HEAT.step.inlet_c)
    assert (found.tried[0].trial.score.over_share or 0.0) > 0.05


def test_a_model_without_a_target_or_with_one_at_idle_is_refused(tmp_path: Path) -> None:
    model = written(tmp_path, chain_file())
    for targets, sentence in ((None, "no target"), (Targets(power_w=IDLE_W), "unreachable")):
        with pytest.raises(BadInput, match=sentence):
            simulate(model, SimulateQuery("none", targets=targets, layer=MIXED))


def test_without_energy_nothing_can_be_held(tmp_path: Path) -> None:
    model = written(tmp_path, chain_file(None))
    with pytest.raises(BadInput, match="the cost model has no energy"):
        simulate(model, SimulateQuery("none", targets=Targets(power_w=300.0), layer=MIXED))
