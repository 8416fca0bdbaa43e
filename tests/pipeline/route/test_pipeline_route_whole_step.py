"""The steps that `moeprof steptime predict --json` prints have a say in the regime of a plan."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from moeprof.costmodel.checksum import with_checksum
from moeprof.costmodel.steptime.fit.build import build_step_time
from moeprof.costmodel.steptime.rows.gate import Refused
from moeprof.pipeline.route.plan import PlanQuery, plan_route
from moeprof.pipeline.route.whole_step import read_whole_step
from moeprof.pipeline.steptime.predict import Asked, as_data, predict
from moeprof.store.document import write_document
from moeprof.store.errors import BadInput
from moeprof.tests.costmodel.steptime.whole_models import (
    many_deployments,
    rows_of,
    timed_rows,
)
from moeprof.tests.router.expert_models import chain_file

QUERY = PlanQuery(tokens=8, experts="8:fc1+gelu+fc2", top_k=2, kl_price_j=5e-3)


def steps_file(folder: Path, parts_us: dict[str, float]) -> Path:
    """Steps of batches of 8 and 16."""
    path = folder / "steps.json"
    path.write_text(json.dumps([{"batch": size, "parts_us": parts_us} for size in (8, 16)]))
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Kernels of experts, of which the reading of weights is most of the cost in decode."""
    path = tmp_path / "model.json"
    write_document(path, with_checksum(chain_file()))
    return path


def test_a_step_bound_by_experts_confirms_that_a_batch_reads_fewer(
    model: Path, tmp_path: Path
) -> None:
    step = steps_file(tmp_path, {"experts": 60.0, "overhead": 40.0})
    found = plan_route(model, replace(QUERY, step=step))
    assert found.regime == "concentrate"
    assert found.planned.active_experts < found.own.active_experts
    assert found.reasons[0].endswith("60 % of the whole model's step (predicted)")


def test_a_step_bound_by_its_host_keeps_every_expert(model: Path, tmp_path: Path) -> None:
    step = steps_file(tmp_path, {"experts": 20.0, "overhead": 80.0})
    found = plan_route(model, replace(QUERY, step=step))
    assert found.regime == "balance"
    assert found.planned.active_experts == pytest.approx(found.own.active_experts, rel=0.01)
    assert found.reasons[0].endswith("and overhead 80 %")
    assert plan_route(model, QUERY).regime == "concentrate"


def test_a_prediction_of_a_whole_model_is_read_as_it_is_printed(tmp_path: Path) -> None:
    rows = timed_rows(rows_of(*many_deployments(), sizes=4))
    file = tmp_path / "m.json"
    write_document(file, build_step_time(rows, Refused(64, {}), {}, method="physics"))
    asked = Asked("mixtral-8x7b", "H200", "bf16", "vllm", 1, 1, 1, (8,), 800, None)
    found = predict(file, asked)
    path = tmp_path / "steps.json"
    path.write_text(json.dumps(as_data(asked, found)))
    step = read_whole_step(path, 8)
    assert step.is_bound_by_experts
    assert sum(step.parts_us.values()) == pytest.approx(float(found.steps.step_us[0]))


def test_a_file_without_the_batch_or_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="has no step of a batch of 32; it has 8, 16"):
        read_whole_step(steps_file(tmp_path, {"experts": 1.0}), 32)
    for text in ("{}", "[1]", "no JSON", '[{"batch": 8}]', '[{"batch": 8, "parts_us": 3}]'):
        path = tmp_path / "other.json"
        path.write_text(text)
        with pytest.raises(BadInput, match=r"other\.json"):
            read_whole_step(path, 8)
    with pytest.raises(BadInput, match="reads no routed experts"):
        read_whole_step(steps_file(tmp_path, {"weights": 1.0}), 8)
