from dataclasses import replace

import numpy as np
import pytest

from moeprof.router.expert_costs import ExpertCosts
from moeprof.store.errors import BadInput

COSTS = ExpertCosts(
    loads=np.array([0.0, 1.0, 8.0]),
    latency_s=np.array([[0.0, 1e-5, 2e-5], [0.0, 1e-5, 3e-5]]),
    energy_j=np.array([[0.0, 2e-3, 4e-3], [0.0, 1e-3, 3e-3]]),
    idle_power_w=110.0,
    gpu_of=np.array([0, 2]),
)


def test_a_gpu_without_experts_counts() -> None:
    assert (COSTS.experts, COSTS.gpus) == (2, 3)


@pytest.mark.parametrize(("most", "loads"), [(8, [0, 1, 8]), (4.5, [0, 1, 4.5]), (1, [0, 1])])
def test_costs_of_a_batch_end_at_its_tokens(most: float, loads: list[float]) -> None:
    cut = COSTS.up_to(most)
    assert cut.loads.tolist() == loads
    for table, whole in ((cut.latency_s, COSTS.latency_s), (cut.energy_j, COSTS.energy_j)):
        for row, curve in zip(table, whole, strict=True):
            assert row == pytest.approx(np.interp(loads, COSTS.loads, curve))


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"loads": np.array([1.0, 2.0, 8.0])}, "the first of them 0"),
        ({"loads": np.array([0.0, 8.0, 8.0])}, "do not ascend"),
        ({"energy_j": np.zeros((2, 2))}, r"energy_j has the shape \(2, 2\)"),
        ({"energy_j": np.full((2, 3), np.nan)}, "energy_j of expert 0 at a load of 0 is nan"),
        ({"latency_s": -COSTS.latency_s}, "latency_s of expert 0 at a load of 1 is -1e-05"),
        ({"latency_s": COSTS.latency_s + 1}, "latency_s of expert 0 is not 0 at a load of 0"),
        ({"idle_power_w": float("inf")}, "idle power is inf W"),
        ({"gpu_of": np.array([0, -1])}, "gpu_of must name a GPU"),
        ({"gpu_of": np.array([0.0, 0.5])}, "gpu_of must name a GPU"),
        ({"gpu_of": np.array([[0], [0]])}, "gpu_of must name a GPU"),
        ({"loads": np.array([0.0, 1.0, np.inf])}, "do not ascend to a finite number"),
        ({"loads": [0.0, 1.0, 8.0]}, "loads is"),
    ],
)
def test_costs_that_contradict_themselves_are_refused(
    changed: dict[str, object], sentence: str
) -> None:
    with pytest.raises(BadInput, match=sentence):
        replace(COSTS, **changed)  # type: ignore[arg-type]
