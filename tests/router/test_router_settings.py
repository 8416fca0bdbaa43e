from math import inf, nan

import pytest
import torch

from moeprof.kernels.routing import Routing
from moeprof.router.settings import RouterSettings
from moeprof.store.errors import BadInput
from moeprof.tests.router.instances import drawn

COSTS, _ = drawn(seed=0, experts=8)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"strategy": "greedy"}, "the strategy is 'greedy'"),
        ({"kl_price_j": 0.0}, "kl_price_j is 0.0 J, and must be above 0"),
        ({"time_price_w": -1.0}, "time_price_w is -1.0"),
        ({"alpha_per_j": float("nan")}, "alpha_per_j is nan"),
        ({"beta_per_s": float("inf")}, "beta_per_s is inf"),
        ({"top_k": 2.0}, "top_k is 2.0"),
        ({"correction_bias": [0.0] * 8}, "correction_bias is"),
    ],
)
def test_settings_that_are_none_are_refused(changed: dict[str, object], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        RouterSettings(**({"top_k": 2} | changed))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (RouterSettings(top_k=9), "top_k is 9, and must be 1 to 8"),
        (RouterSettings(top_k=0), "top_k is 0"),
        (RouterSettings(top_k=3, routing=Routing(groups=4, kept_groups=1)), "may go to 2"),
        (RouterSettings(top_k=1, routing=Routing(groups=3)), "do not divide into 3 groups"),
        (RouterSettings(top_k=1, correction_bias=torch.zeros(7)), r"torch.float32 \[8\]"),
        (RouterSettings(top_k=1, correction_bias=torch.full((8,), -inf)), "must be finite"),
        (RouterSettings(top_k=1, correction_bias=torch.full((8,), nan)), "must be finite"),
    ],
)
def test_settings_that_do_not_fit_the_experts_are_refused(
    settings: RouterSettings, sentence: str
) -> None:
    with pytest.raises(BadInput, match=sentence):
        settings.check(COSTS)
