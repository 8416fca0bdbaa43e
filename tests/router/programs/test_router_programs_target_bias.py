import numpy as np
import pytest

from moeprof.router.programs.target_bias import hard_bias, soft_bias
from moeprof.store.errors import BadInput

TOKENS, EXPERTS, K = 128, 16, 2
DRAW = np.random.default_rng(0)
SCORES = DRAW.normal(size=(TOKENS, EXPERTS)) + DRAW.normal(size=EXPERTS)
WANTED = DRAW.uniform(0.5, 2.0, EXPERTS)
LOADS = WANTED * (K * TOKENS / WANTED.sum())


def test_soft_routing_has_the_loads() -> None:
    found = soft_bias(SCORES, WANTED, K)
    shares = np.exp(SCORES + found.bias)
    shares /= shares.sum(axis=1, keepdims=True)
    assert K * shares.sum(axis=0) == pytest.approx(LOADS)
    assert found.amiss < 1e-9
    assert found.bias.mean() == pytest.approx(0)


def test_hard_routing_has_the_loads_but_for_a_few_picks() -> None:
    found = hard_bias(SCORES, WANTED, K)
    picks = np.argsort(-(SCORES + found.bias), axis=1)[:, :K]
    assert np.bincount(picks.ravel(), minlength=EXPERTS).tolist() == found.loads.tolist()
    assert np.abs(found.loads - LOADS).max() <= 2
    assert found.amiss <= 0.01


def test_the_loads_that_are_there_need_no_bias() -> None:
    own = np.bincount(np.argsort(-SCORES, axis=1)[:, :K].ravel(), minlength=EXPERTS)
    assert hard_bias(SCORES, own.astype(float), K).bias.tolist() == [0.0] * EXPERTS


def test_scores_that_differ_by_a_number_per_token_have_the_same_bias() -> None:
    shifted = SCORES + np.arange(TOKENS)[:, None]
    assert soft_bias(shifted, WANTED, K).bias == pytest.approx(soft_bias(SCORES, WANTED, K).bias)


def test_an_expert_without_a_load_gets_none() -> None:
    wanted = WANTED * (np.arange(EXPERTS) != 3)
    assert hard_bias(SCORES, wanted, K).loads[3] == 0
    assert soft_bias(SCORES, wanted, K).loads[3] == pytest.approx(1e-3, rel=1e-3)


def test_all_experts_picked_need_no_bias() -> None:
    assert hard_bias(SCORES, np.ones(EXPERTS), EXPERTS).amiss == 0


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"loads": np.zeros(EXPERTS)}, "a load is 0"),
        ({"loads": np.full(EXPERTS, np.nan)}, "a load is nan"),
        ({"loads": np.ones(3)}, "must have tokens x experts"),
        ({"scores": np.full((TOKENS, EXPERTS), -np.inf)}, "a score is -inf"),
        ({"k": 0}, r"k is 0, and must lie in 1\.\.16"),
        ({"loads": np.eye(EXPERTS)[5]}, "expert 5 should get 256 of 128 tokens"),
    ],
)
def test_what_no_bias_can_give_is_refused(changed: dict[str, object], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        hard_bias(**({"scores": SCORES, "loads": WANTED, "k": K} | changed))  # type: ignore[arg-type]
