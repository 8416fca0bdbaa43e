from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.router.control.served_layer import ServedLayer, kl_nats, tilted
from moeprof.router.expert_costs import ExpertCosts
from moeprof.store.errors import BadInput
from moeprof.tests.router.control.serving import COSTS, LAYER


def test_a_token_costs_the_mean_of_its_experts() -> None:
    assert LAYER.energy_per_token_j(LAYER.shares) == pytest.approx(2e-3)
    cheap = np.array([0.0, 0.5, 0.0, 0.5])
    assert LAYER.energy_per_token_j(cheap) == pytest.approx(1e-3)
    assert LAYER.energy_per_token_j(np.stack([LAYER.shares, cheap])) == pytest.approx([2e-3, 1e-3])


def test_a_token_passes_through_all_layers() -> None:
    assert replace(LAYER, layers=3).energy_per_token_j(LAYER.shares) == pytest.approx(6e-3)


def test_the_slowest_gpu_decides_the_latency() -> None:
    apart = replace(LAYER, costs=replace(COSTS, gpu_of=np.array([0, 1, 0, 1])))
    assert LAYER.latency_s(LAYER.shares) == pytest.approx(16 * 6e-6)
    assert apart.latency_s(LAYER.shares) == pytest.approx(16 * 4e-6)


def test_costs_beyond_the_last_load_go_on_in_a_line() -> None:
    wide = replace(LAYER, tokens=640)
    assert wide.energy_per_token_j(wide.shares) == pytest.approx(2e-3)


def test_a_marginal_cost_looks_past_the_steps_of_a_staircase() -> None:
    loads = np.arange(0.0, 65.0)
    stairs = ExpertCosts(
        loads=loads,
        latency_s=np.tile(loads, (2, 1)),
        energy_j=np.stack([np.ceil(loads / 8) * 8, 2 * loads]),
        idle_power_w=1.0,
        gpu_of=np.zeros(2, np.int64),
    )
    layer = ServedLayer(stairs, np.full(2, 0.5), tokens=64, top_k=1)
    assert layer.marginal_costs() == pytest.approx([1.0, 2.0])


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"shares": np.full(3, 1 / 3)}, r"shares have the shape \(3,\), for 4 experts"),
        ({"shares": np.array([0.0, 0.5, 0.25, 0.25])}, "each expert must have a share above 0"),
        ({"shares": np.full(4, 0.2)}, "shares add up to 0.8"),
        ({"top_k": 5}, "top_k is 5, and must be 1 to 4"),
        ({"top_k": 2, "shares": np.array([0.7, 0.1, 0.1, 0.1])}, "a share of 0.7, and at top_k 2"),
        ({"tokens": 0}, "tokens is 0"),
        ({"layers": 0}, "layers is 0"),
    ],
)
def test_what_no_routing_gives_is_refused(changed: dict[str, object], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        replace(LAYER, **changed)  # type: ignore[arg-type]


@given(
    st.lists(st.floats(0.05, 1.0), min_size=3, max_size=9),
    st.lists(st.floats(-30, 30), min_size=9, max_size=9),
    st.integers(1, 3),
    st.floats(-5, 5),
)
def test_a_tilt_is_a_routing_and_knows_no_shift(
    weights: list[float], biases: list[float], top_k: int, shift: float
) -> None:
    shares = np.array(weights) / sum(weights)
    bias = np.array(biases[: len(shares)])
    tilt = tilted(shares, bias, top_k)
    assert tilt.sum() == pytest.approx(1.0)
    assert tilt.max() <= (1 + 1e-5) / top_k
    assert kl_nats(tilt, shares) >= -1e-12
    assert tilted(shares, bias + shift, top_k) == pytest.approx(tilt)


def test_full_experts_leave_the_rest_to_the_others() -> None:
    shares = np.array([0.3, 0.3, 0.2, 0.2])
    assert tilted(shares, np.array([50.0, 0.0, 0.0, 0.0]), 2) == pytest.approx(
        [0.5, 3 / 14, 1 / 7, 1 / 7]
    )
