"""The steps that `moeprof steptime predict --json` prints have a say in the regime of a plan."""

from dataclasses import replace
from pathlib import Path

import pytest

from moeprof.costmodel.checksum import with_checksum
from moeprof.costmodel.steptime.fit.build import build_step_time
from moeprof.costmodel.steptime.rows.gate import Refused
from moeprof.pipeline.route.plan import PlanQuery, plan_route
from moeprof.pipeline.route.whole_step import read_whole_step
from moeprof.pipeline.steptime.curve import predicted_steps, sweep
from moeprof.pipeline.steptime.predict import Asked
from moeprof.store.document import write_document
from moeprof.store.errors import BadInput
from moeprof.store.serving.predicted_steps import PredictedStep, PredictedSteps
from moeprof.tests.costmodel.steptime.whole_models import (
    many_deployments,
    rows_of,
    timed_rows,
)
from moeprof.tests.router.expert_models import chain_file

STEP = PredictedStep(
    tp=1, batch=8, running=8.0, bounded_by=None, fitting_requests=64, preemptions_per_request=0.0,
    recomputed_tokens_per_request=0.0, kind="decode", step_us=1.0, low_us=None, high_us=None,
    parts_us={}, power_w=None, j_per_token=None, low_j_per_token=None, high_j_per_token=None,
    tokens_per_s=1.0, unseen=(), beyond={}, not_in_rows=(), in_bf16=(), kernel_weight=None,
    routing=None, on_front=None,
)  # fmt: skip
STEPS = PredictedSteps(
    file="m.json", file_sha256="", model="mixtral-8x7b", gpu="H200", precision="bf16",
    engine="vllm", ep=1, dp=1, prompt_tokens=800, output_tokens=None, left_out={}, remarks=(),
    steps=(),
)  # fmt: skip
QUERY = PlanQuery(tokens=8, experts="8:fc1+gelu+fc2", top_k=2, kl_price_j=5e-3)


def steps_file(folder: Path, parts_us: dict[str, float]) -> Path:
    """Steps of batches of 8 and 16."""
    path = folder / "steps.json"
    step_us = sum(parts_us.values())
    steps = tuple(replace(STEP, batch=size, step_us=step_us, parts_us=parts_us) for size in (8, 16))
    write_document(path, replace(STEPS, steps=steps))
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
    found = predicted_steps(sweep(file, asked, (1,)))
    path = tmp_path / "steps.json"
    write_document(path, found)
    step = read_whole_step(path, 8)
    assert step.is_bound_by_experts
    assert sum(step.parts_us.values()) == pytest.approx(found.steps[0].step_us)
    write_document(path, predicted_steps(sweep(file, asked, (1, 2))))
    with pytest.raises(BadInput, match="has a batch of 8 on 2 splits"):
        read_whole_step(path, 8)


def test_a_file_without_the_batch_or_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="has no step of a batch of 32; it has 8, 16"):
        read_whole_step(steps_file(tmp_path, {"experts": 1.0}), 32)
    schema = '"schema": "moeprof.predicted_steps/1.0"'
    for text in ("{}", "[1]", "no JSON", f"{{{schema}}}", f'{{{schema}, "steps": [3]}}'):
        path = tmp_path / "other.json"
        path.write_text(text)
        with pytest.raises(BadInput, match=r"other\.json"):
            read_whole_step(path, 8)
    with pytest.raises(BadInput, match="reads no routed experts"):
        read_whole_step(steps_file(tmp_path, {"weights": 1.0}), 8)
