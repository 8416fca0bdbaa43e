"""Look-ups: what a query asks for, and the options that contradict each other."""

from pathlib import Path
from typing import Any

import pytest

from moeprof.pipeline.build import build_model
from moeprof.pipeline.cost import Cost, CostBreakdown, CostQuery, load, look_up
from moeprof.store.errors import BadInput
from moeprof.store.run import Run
from moeprof.tests.pipeline.conftest import latency_us


@pytest.fixture
def model(recorded: Run) -> Path:
    return build_model(recorded.folder).path


def test_a_model_is_loaded_by_its_file_or_its_runs_folder(model: Path) -> None:
    assert load(model).file == load(str(model.parent)).file


def test_a_run_without_a_model_is_refused_with_the_command_that_makes_one(tmp_path: Path) -> None:
    (tmp_path / "plan.json").touch()
    with pytest.raises(BadInput, match="there is no") as caught:
        load(tmp_path)
    assert "build-model" in caught.value.hint


def test_an_operation_gives_its_cost_and_its_parts(model: Path) -> None:
    cost = look_up(load(model), CostQuery(op="gelu", batch_size=12))
    assert isinstance(cost, Cost)
    assert cost.latency_us == pytest.approx(latency_us(12), rel=0.01)
    parts = look_up(load(model), CostQuery(op="gelu", batch_size=12, breakdown=True))
    assert isinstance(parts, CostBreakdown)
    assert parts.cost.latency_us == cost.latency_us


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"op": "gelu", "top_k": 2}, "--top-k is for a layer"),
        ({"op": "layer"}, "a layer needs --top-k and --active-experts"),
        ({"op": "layer", "top_k": 2, "active_experts": 4, "breakdown": True}, "a layer is the sum"),
        ({"op": "gelu", "breakdown": True, "allow_estimates": True}, "--breakdown takes a cost"),
        ({"op": "nothing"}, "nothing"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(
    model: Path, query: dict[str, Any], named: str
) -> None:
    with pytest.raises(BadInput, match=named):
        look_up(load(model), CostQuery(batch_size=12, **query))
