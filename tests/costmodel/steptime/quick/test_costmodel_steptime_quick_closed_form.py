"""The closed form gives what the vectorised features and coefficients give, to 1e-9."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.costmodel.steptime.features.columns import columns
from moeprof.costmodel.steptime.features.deployment import Deployment, Split
from moeprof.costmodel.steptime.features.steps import Array, Steps
from moeprof.costmodel.steptime.quick.closed_form import Pieces, Predict, QuickForm
from moeprof.store.serving.whole_model import Experts
from moeprof.tests.costmodel.steptime.features.hand_counts import MISTRAL_7B, QWEN3_NEXT, SCOUT
from moeprof.tests.costmodel.steptime.whole_models import (
    DEEPSEEK_V3,
    GEMMA_2_9B,
    LLAMA_3_8B,
    MIXTRAL_8X7B,
    served,
)

MOST = 300
KIMI_K2 = replace(DEEPSEEK_V3, experts=Experts(384, 8, 2048, layers=60))
DEPLOYMENTS = (
    served(LLAMA_3_8B),
    served(MIXTRAL_8X7B, "H200", split=Split(tp=2)),
    served(DEEPSEEK_V3, "B200", "fp8", split=Split(ep=8, dp=8)),
    served(replace(DEEPSEEK_V3, sparse_tokens=2048), "B200", "fp8", split=Split(tp=8)),
    served(QWEN3_NEXT, "H200", split=Split(tp=2)),
    served(MISTRAL_7B),
    served(KIMI_K2, "B200", "fp8", split=Split(tp=8)),
    served(SCOUT, "H200", split=Split(tp=8)),
    served(GEMMA_2_9B, "A100-80G"),
)


def priced(one: Deployment, seed: int) -> Predict:
    """Steps by random coefficients of all columns, some of them 0."""
    names = sorted(columns(one, Steps.decode(np.ones(1), np.ones(1))))
    rng = np.random.default_rng(seed)
    prices = rng.exponential(1.0, len(names)) * (rng.random(len(names)) < 0.8)

    def step_us(steps: Steps) -> Array:
        found = columns(one, steps)
        return np.asarray(
            sum(price * found[name] for name, price in zip(names, prices, strict=True))
        )

    return step_us


def form_of(one: Deployment, predict: Predict) -> QuickForm:
    """The form of a deployment."""
    return QuickForm.of(predict, one, MOST)


@settings(deadline=None)
@given(
    at=st.integers(0, len(DEPLOYMENTS) - 1),
    seed=st.integers(0, 5),
    running=st.integers(0, MOST),
    context=st.floats(1, 1e6),
    prefill=st.none() | st.tuples(st.integers(1, 100_000), st.floats(1, 1e6)),
)
def test_the_quick_and_the_vectorised_step_agree(
    at: int, seed: int, running: int, context: float, prefill: tuple[int, float] | None
) -> None:
    one = DEPLOYMENTS[at]
    predict = priced(one, seed)
    form = form_of(one, predict)
    tokens, prompt = prefill or (0, 0.0)
    sizes = (running, context, tokens, prompt, prefill is not None)
    exact = predict(Steps(*(np.asarray([float(size)]) for size in sizes)))[0]
    assert form.step_us(running, context, tokens, prompt) == pytest.approx(exact, rel=1e-9)
    assert form.agrees(predict)


def test_a_step_that_is_no_such_sum_is_found_out() -> None:
    def logarithmic(steps: Steps) -> Array:
        return 1000 + np.log1p(steps.running) * np.log1p(steps.context_tokens)

    assert not form_of(DEPLOYMENTS[0], logarithmic).agrees(logarithmic)


def test_a_window_that_nobody_named_is_found_out() -> None:
    gemma = DEPLOYMENTS[-1]
    predict = priced(gemma, 0)
    assert form_of(gemma, predict).agrees(predict)
    unnamed = replace(gemma, model=replace(gemma.model, full_layers=42, window_tokens=0))
    assert not QuickForm.of(predict, unnamed, MOST).agrees(predict)


def test_pieces_are_told_apart_at_their_ends() -> None:
    """Half of x to 100, the mean of a window of 100 beyond; then a jump."""

    def mean(at: Array) -> Array:
        window = np.where(at > 100, 100 - 5000 / at, at / 2)
        return np.asarray(np.where(at > 1000, 7.0, window) + 2 * at)

    found = Pieces.of(mean, [1000, 0, 100])
    assert found.ends == [100, 1000]
    places = [1.0, 50.0, 100.0, 100.5, 400.0, 1000.0, 1001.0, 1e6]
    assert [found(at) for at in places] == pytest.approx(mean(np.asarray(places)), rel=1e-12)
