"""A simulator's delays are those of the fit, number by number, and quick."""

from timeit import repeat

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.costmodel.steptime.queue.delay_columns import KV_THRESHOLDS, queue_columns
from moeprof.costmodel.steptime.queue.delays import Delays, QueueState, Request
from moeprof.costmodel.steptime.queue.fit import fit_queue
from moeprof.costmodel.steptime.queue.journeys import kv_read_us
from moeprof.store.errors import BadInput
from moeprof.store.serving.queue_model import QueueModel
from moeprof.store.serving.whole_model import WholeModel
from moeprof.tests.costmodel.steptime.queue.known_delays import WAIT, known_journeys
from moeprof.tests.costmodel.steptime.whole_models import GEMMA_2_9B, LLAMA_3_8B, served

MODEL = fit_queue(known_journeys(count=600))
DELAYS = Delays.of(MODEL, served())
STATE = QueueState(waiting=4, running=30, kv_ratio=0.95, recent_preemptions=2)


@given(st.floats(0, 1e5), st.floats(0, 1000), st.floats(0, 1), st.floats(0, 100))
def test_waiting_is_what_the_vectorised_columns_say(
    prompt: float, waiting: float, kv_ratio: float, preempted: float
) -> None:
    first, second, third, fourth = (
        np.asarray([value]) for value in (prompt, waiting, kv_ratio, preempted)
    )
    columns = queue_columns(first, second, third, fourth, KV_THRESHOLDS)
    assert MODEL.wait is not None
    expected = sum(value * columns[name][0] for name, value in MODEL.wait.coefficients.items())
    state = QueueState(waiting, 1.0, kv_ratio, preempted)
    assert DELAYS.wait_us(Request(prompt), state) == pytest.approx(expected, rel=1e-9)


def test_the_queue_is_arrival_and_waiting() -> None:
    request = Request(500)
    parts = DELAYS.arrival_us(request, STATE) + DELAYS.wait_us(request, STATE)
    assert DELAYS.queue_us(request, STATE) == pytest.approx(parts)
    by_hand = (
        WAIT["requests"] + 500 * WAIT["prompt_tokens"] + 4 * WAIT["waiting"]
        + 0.25 * WAIT["kv_above_0.7"] + 0.05 * WAIT["kv_above_0.9"]
        + 2 * WAIT["recent_preemptions"]
    )  # fmt: skip
    assert DELAYS.wait_us(request, STATE) == pytest.approx(by_hand, rel=0.03)


@pytest.mark.parametrize("model", [LLAMA_3_8B, GEMMA_2_9B], ids=lambda model: model.name)
@pytest.mark.parametrize("context", [0.0, 1.0, 777.0, 4096.0, 5000.0, 131072.0])
def test_a_token_reads_its_context(model: WholeModel, context: float) -> None:
    deployment = served(model)
    assert MODEL.token is not None
    read_us = float(kv_read_us(deployment, np.asarray([context]))[0])
    expected = MODEL.token.coefficients["tokens"] + MODEL.token.coefficients["kv_read"] * read_us
    assert Delays.of(MODEL, deployment).token_us(context) == pytest.approx(expected, rel=1e-9)


def test_a_call_takes_no_more_than_ten_microseconds() -> None:
    request = Request(500)
    calls = {
        "queue": lambda: DELAYS.queue_us(request, STATE),
        "token": lambda: DELAYS.token_us(1500.0),
        "delivery": lambda: DELAYS.delivery_us(STATE),
    }
    took_us = {
        name: 1e6 * min(repeat(call, number=500, repeat=9)) / 500 for name, call in calls.items()
    }
    assert max(took_us.values()) < 10


def test_a_file_without_delays_is_refused() -> None:
    with pytest.raises(BadInput, match="no delays of requests"):
        Delays.of(None, served())


def test_a_delay_that_was_not_fitted_is_refused_with_the_reason() -> None:
    few = QueueModel((), None, None, None, None, {"token": "3 requests tell it"}, 3, 1)
    delays = Delays.of(few, served())
    with pytest.raises(BadInput, match="no token delay: 3 requests tell it"):
        delays.token_us(100)
    with pytest.raises(BadInput, match="no wait delay"):
        delays.queue_us(Request(1), STATE)


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf"), 1e12])
def test_what_is_no_size_is_refused(value: float) -> None:
    with pytest.raises(BadInput, match="is no number of tokens or requests"):
        DELAYS.token_us(value)
    with pytest.raises(BadInput, match="is no number of tokens or requests"):
        DELAYS.queue_us(Request(value), STATE)
