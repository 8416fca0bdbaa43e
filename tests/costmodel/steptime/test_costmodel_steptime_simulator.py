"""A simulator's steps are those of the prediction, whatever the step works on."""

from dataclasses import replace
from math import inf, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.costmodel.steptime.engine.offload import offload_us
from moeprof.costmodel.steptime.engine.settings import EngineSettings
from moeprof.costmodel.steptime.features.deployment import Deployment, Split
from moeprof.costmodel.steptime.fit.build import build_step_time
from moeprof.costmodel.steptime.prediction.asked_rows import as_rows
from moeprof.costmodel.steptime.prediction.predict import predict_steps
from moeprof.costmodel.steptime.rows.gate import Refused
from moeprof.costmodel.steptime.simulator import (
    Batch,
    QueueState,
    Request,
    Simulator,
    single_steps_of,
)
from moeprof.costmodel.steptime.srfa.features import COMPUTED, FIXED
from moeprof.store.errors import BadInput
from moeprof.store.serving.queue_model import DelayFit, QueueModel
from moeprof.store.serving.step_time_model import Method, SrfaTerms, StepTimeFile
from moeprof.tests.costmodel.steptime.whole_models import (
    DEEPSEEK_V3,
    GEMMA_2_9B,
    LLAMA_3_8B,
    MIXTRAL_8X7B,
    many_deployments,
    rows_of,
    served,
    timed_rows,
)

SERVED = (
    served(LLAMA_3_8B),
    served(GEMMA_2_9B, "B200", engine="sglang"),
    served(MIXTRAL_8X7B, "H200", engine="unknown"),
    served(DEEPSEEK_V3, "B200", "fp8", split=Split(tp=8)),
)
OFFLOADED = EngineSettings(cpu_offload_bytes=4e9)


@pytest.fixture(scope="module")
def file() -> StepTimeFile:
    """A model of sixteen deployments."""
    return build_step_time(timed_rows(rows_of(*many_deployments(), sizes=4)), Refused(64, {}), {})


@pytest.fixture(scope="module")
def simulators(file: StepTimeFile) -> tuple[Simulator, ...]:
    """One for each deployment, with some weights offloaded."""
    return tuple(Simulator.of(file, one, OFFLOADED) for one in SERVED)


def _exact_us(file: StepTimeFile, one: Deployment, batch: Batch) -> float:
    """The step by the vectorised features and coefficients."""
    steps = batch.steps()
    single = single_steps_of(file, one, prompts=batch.prefill_tokens > 0)
    step_us = single.step_us(as_rows(one, steps))
    return float((step_us + offload_us(one, steps, OFFLOADED))[0])


@settings(deadline=None)
@given(
    at=st.integers(0, len(SERVED) - 1),
    contexts=st.lists(st.integers(1, 100_000), max_size=300),
    chunks=st.lists(st.tuples(st.integers(0, 50_000), st.integers(1, 8192)), max_size=4),
)
def test_a_call_gives_what_the_vectorised_prediction_gives(
    file: StepTimeFile,
    simulators: tuple[Simulator, ...],
    at: int,
    contexts: list[int],
    chunks: list[tuple[int, int]],
) -> None:
    batch, simulator = Batch.of(contexts, chunks), simulators[at]
    assert simulator.is_quick
    if not contexts:
        return
    exact = _exact_us(file, SERVED[at], batch)
    assert simulator.step_us(batch) == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize("method", ["srfa", "blackbox"])
@pytest.mark.parametrize("one", SERVED, ids=lambda one: str(one.model.name))
def test_other_forms_are_quick_too(file: StepTimeFile, one: Deployment, method: Method) -> None:
    srfa = SrfaTerms(
        dict.fromkeys(FIXED, 40.0), 1.5, dict.fromkeys(COMPUTED, 1.2) | {"log_batch": -90.0}
    )
    form = {"srfa": (srfa, None), "blackbox": (None, file.steps["mean"].baseline)}[method]
    steps = {
        target: replace(fit, method=method, physics=None, srfa=form[0], blackbox=form[1], own=None)
        for target, fit in file.steps.items()
    }
    other = replace(file, steps=steps)
    simulator = Simulator.of(other, one, OFFLOADED)
    assert simulator.is_quick
    for batch in (Batch(32, 1500.0), Batch(32, 1500.0, 512, 256.0), Batch.of([], [(0, 900)])):
        assert simulator.step_us(batch) == pytest.approx(_exact_us(other, one, batch), rel=1e-9)


@settings(deadline=None)
@given(
    at=st.integers(0, len(SERVED) - 1),
    running=st.integers(0, 512),
    context=st.floats(1, 50_000),
    attended=st.floats(0, 20_000),
    tokens=st.lists(st.integers(1, 20_000), min_size=2, max_size=5),
)
def test_more_tokens_of_prompts_take_longer_and_few_take_little(
    simulators: tuple[Simulator, ...],
    at: int,
    running: int,
    context: float,
    attended: float,
    tokens: list[int],
) -> None:
    simulator = simulators[at]
    alone_us = simulator.step_us(Batch(running, context))
    steps_us = [
        simulator.step_us(Batch(running, context, some, attended)) for some in sorted(tokens)
    ]
    assert [alone_us, *steps_us] == pytest.approx(sorted([alone_us, *steps_us]), rel=1e-9)


def test_one_token_of_a_prompt_takes_little_beside_those_that_decode(
    simulators: tuple[Simulator, ...],
) -> None:
    for simulator in simulators:
        alone, one = (simulator.step_us(Batch(32, 1500.0, some, 750.0)) for some in (0, 1))
        assert alone < one < 1.03 * alone


def test_a_batch_is_counted_from_its_requests() -> None:
    """Two decode at 100 and 300; 10 tokens attend to 200 + 5 each, 30 to 0 + 15."""
    batch = Batch.of([100, 300], [(200, 10), (0, 30)])
    assert (batch.decoding, batch.context_tokens, batch.prefill_tokens) == (2, 200, 40)
    assert batch.attended_tokens == pytest.approx((10 * 205 + 30 * 15) / 40)
    assert Batch.of([], []) == Batch(0)


def test_a_step_of_prompts_alone_takes_time_and_an_empty_one_none(
    simulators: tuple[Simulator, ...],
) -> None:
    assert simulators[0].step_us(Batch(0)) == 0
    short, long = (simulators[0].step_us(Batch.of([], [(0, at)])) for at in (100, 8000))
    assert 0 < short < long


def test_more_requests_than_the_table_has_are_answered_by_arrays(
    file: StepTimeFile, simulators: tuple[Simulator, ...]
) -> None:
    batch = Batch(5000, 700.0)
    exact = predict_steps(file, SERVED[0], batch.steps(), settings=OFFLOADED).step_us[0]
    assert simulators[0].step_us(batch) == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize(
    "batch",
    [Batch(-1), Batch(1, nan), Batch(1, inf), Batch(1, 1.0, -5), Batch(1, 1.0, 5, nan)],
)
def test_what_is_no_step_is_refused(simulators: tuple[Simulator, ...], batch: Batch) -> None:
    with pytest.raises(BadInput, match="is no step"):
        simulators[0].step_us(batch)


def test_a_model_that_does_not_fit_has_no_simulator(file: StepTimeFile) -> None:
    with pytest.raises(BadInput, match="does not fit"):
        Simulator.of(file, served(DEEPSEEK_V3, "H100", "fp8"))


@pytest.mark.parametrize(
    "settings",
    [
        EngineSettings(kv_cache_dtype="fp8"),
        EngineSettings(max_num_seqs=4),
        EngineSettings(max_num_batched_tokens=512),
        EngineSettings(max_model_len=512),
        EngineSettings(prefix_hit=0.5),
    ],
    ids=str,
)
def test_settings_that_a_simulator_does_not_count_are_refused(
    file: StepTimeFile, settings: EngineSettings
) -> None:
    with pytest.raises(BadInput, match=r"kv-cache-dtype is fp8|a Simulator is asked for"):
        Simulator.of(file, SERVED[0], settings)


def test_delays_are_those_of_the_file(file: StepTimeFile) -> None:
    """200 us and 3 for each token before the queue, 700 more in it; 9 ms a token."""
    arrival = DelayFit({"requests": 200.0, "prompt_tokens": 3.0}, (), 40, None)
    wait = DelayFit({"requests": 700.0}, (), 40, None)
    token = DelayFit({"tokens": 9000.0}, (), 40, None)
    queue = QueueModel((0.7, 0.9), arrival, wait, token, None, {"delivery": "none"}, 40, 2)
    simulator = Simulator.of(replace(file, queue=queue), SERVED[0])
    assert simulator.queue_us(Request(100), QueueState()) == pytest.approx(1200)
    assert simulator.token_us(700.0) == pytest.approx(9000)


def test_a_file_without_delays_says_so(simulators: tuple[Simulator, ...]) -> None:
    with pytest.raises(BadInput, match="no delays"):
        simulators[0].queue_us(Request(1), QueueState())
    with pytest.raises(BadInput, match="no delays"):
        simulators[0].token_us(1.0)
