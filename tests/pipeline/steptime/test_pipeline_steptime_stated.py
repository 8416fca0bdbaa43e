"""What a file states wins; an option that says another thing is refused by its name."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from moeprof.pipeline.steptime.stated import Stated, completed
from moeprof.store.errors import BadInput
from moeprof.store.serving.serving_row import ServingRow
from moeprof.tests.pipeline.steptime.test_pipeline_steptime_model_notes import quantised

FILE = Path("r.json")
STATED = Stated(gpu="H100", tp=2, precision="bf16", engine="vllm")
MEASURED = ServingRow(
    source="s", row_id="r", batch=16.0, batch_kind="littles_law", isl=1000.0, osl=200.0,
    tpot_ms=20.0, itl_ms=18.0, tput_tok_s=800.0,
)  # fmt: skip


def test_options_complete_a_row_and_the_rest_follows() -> None:
    row = completed(FILE, MEASURED, "a", STATED)
    assert (row.model, row.gpu, row.tp, row.precision, row.engine) == (
        "a", "H100", 2, "bf16", "vllm",
    )  # fmt: skip
    assert (row.ep, row.dp, row.n_gpu, row.engine_version) == (1, 1, 2, "")
    assert (row.ctx, row.itl_is_step, row.isl_assumed) == (1100, True, False)


@pytest.mark.parametrize(
    ("column", "option"),
    [("gpu", "--gpu"), ("tp", "--tp"), ("precision", "--precision"), ("engine", "--engine")],
)
def test_what_neither_states_is_asked_for_by_its_option(column: str, option: str) -> None:
    with pytest.raises(BadInput, match=r"r\.json does not state") as refusal:
        completed(FILE, MEASURED, "a", replace(STATED, **{column: None}))
    assert refusal.value.hint == f"give {option}"


def test_the_models_own_file_states_a_precision_that_neither_states() -> None:
    row = completed(FILE, MEASURED, "a", replace(STATED, precision=None), quantised())
    assert (row.precision, row.note) == ("fp8", "weights in fp8, as the model's own file says")


def test_all_that_is_lacking_is_asked_for_at_once() -> None:
    with pytest.raises(
        BadInput, match="the GPU, how many GPUs split a layer, the precision"
    ) as one:
        completed(FILE, MEASURED, "a", Stated())
    assert one.value.hint == "give --gpu --tp --precision --engine"


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ({"gpu": "NVIDIA H200"}, "states NVIDIA H200 for the GPU, and --gpu is H100"),
        ({"tp": 4}, "states 4 for how many GPUs split a layer, and --tp is 2"),
        ({"precision": "fp8"}, "states fp8 for the precision of the weights"),
        ({"engine": "sglang"}, "states sglang for the engine, and --engine is vllm"),
    ],
)
def test_a_contradiction_is_refused_by_name(said: dict[str, Any], named: str) -> None:
    with pytest.raises(BadInput, match=named):
        completed(FILE, replace(MEASURED, **said), "a", STATED)


def test_a_measured_batch_is_not_told_otherwise() -> None:
    with pytest.raises(BadInput, match="states 16 for how many requests ran at once, and --batch"):
        completed(FILE, MEASURED, "a", replace(STATED, batch=32.0))
    assert completed(FILE, MEASURED, "a", replace(STATED, batch=16.1)).batch == 16


def test_the_gpus_of_a_file_are_those_of_the_split() -> None:
    with pytest.raises(BadInput, match="states 4 GPUs, and --tp x --dp are 2"):
        completed(FILE, replace(MEASURED, n_gpu=4), "a", STATED)
    assert completed(FILE, replace(MEASURED, n_gpu=2), "a", STATED).n_gpu == 2


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0, -1.0])
def test_sizes_that_no_run_has_are_refused(value: float) -> None:
    with pytest.raises(BadInput, match=r"--prompt is .* must be 1 to 1e"):
        Stated(isl=value)


def test_spellings_of_one_thing_agree() -> None:
    said = replace(MEASURED, gpu="NVIDIA H100 80GB HBM3", precision="BF16", engine="vLLM")
    row = completed(FILE, said, "a", STATED)
    assert (row.gpu, row.precision, row.engine) == ("NVIDIA H100 80GB HBM3", "bf16", "vllm")
    told = replace(STATED, engine="tensorrt_llm", precision="float16")
    row = completed(FILE, MEASURED, "a", told)
    assert (row.engine, row.precision) == ("trtllm", "bf16")


def test_a_rate_of_requests_and_a_told_batch_give_a_time() -> None:
    rate = ServingRow(source="s", row_id="r", requests_per_s=4.0)
    row = completed(FILE, rate, "a", replace(STATED, batch=8.0, isl=1000.0, osl=200.0))
    assert (row.tput_tok_s, row.tpot_ms, row.batch_kind) == (800, 10, "told")
    assert row.isl_assumed


def test_a_static_batch_takes_its_whole_time_over_its_tokens() -> None:
    static = ServingRow(source="s", row_id="r", batch_kind="static", e2e_ms=2000.0)
    row = completed(FILE, static, "a", replace(STATED, batch=8.0, isl=1000.0, osl=200.0))
    assert (row.tpot_ms, row.batch_kind) == (10, "static")


def test_a_step_of_a_trace_needs_no_lengths() -> None:
    step = ServingRow(source="s", row_id="r", batch_kind="step", tpot_ms=20.0, ctx=500.0)
    row = completed(FILE, step, "a", STATED)
    assert (row.batch, row.isl, row.isl_assumed) == (None, None, False)


def test_a_gpu_without_a_data_sheet_is_refused_with_those_that_have_one() -> None:
    with pytest.raises(BadInput, match="TPUv5") as refusal:
        Stated(gpu="TPUv5")
    assert "H100" in refusal.value.hint
