"""Costs of experts from a cost model: kernels of one expert, or their part of grouped kernels."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.curve.extrapolation import OutOfRange
from moeprof.costmodel.model import KernelCostModel
from moeprof.router.from_model import costs_of_experts
from moeprof.router.kinds.kind import ExpertKind
from moeprof.store.cost_model import Origin
from moeprof.store.errors import BadInput
from moeprof.tests.costmodel.layer.gated_models import gated_model
from moeprof.tests.router.expert_models import (
    CHAIN,
    IDLE_W,
    PACKED,
    chain_file,
    chain_model,
    fc1_us,
    gelu_us,
)

GROUPED = ExpertKind(("w13_grouped", "act_mul", "w2_grouped"))


def test_kernels_of_one_expert_add_up_at_every_load() -> None:
    costs = costs_of_experts(chain_model(), [CHAIN, PACKED], 256)
    chain_us = [2 * fc1_us(int(rows)) + gelu_us(int(rows)) for rows in costs.loads[1:]]
    assert costs.latency_s[0, 1:] * 1e6 == pytest.approx(chain_us)
    assert costs.energy_j[0] == pytest.approx((150 - IDLE_W) * costs.latency_s[0])
    assert (costs.latency_s[1, 1], costs.latency_s[1, -1]) < (costs.latency_s[0, 1], 1.0)
    assert (costs.loads[0], costs.loads[-1], costs.idle_power_w) == (0, 256, IDLE_W)
    assert (costs.energy_source, costs.energy_reason, costs.gpus) == ("nvml_counter", None, 1)


def test_an_expert_takes_its_part_of_kernels_of_all_experts() -> None:
    """Each grouped kernel of the model takes 20 us an active expert, and each part 1 us a token."""
    costs = costs_of_experts(gated_model("uniform", "zipf:1.2"), [GROUPED] * 16, 64)
    expected_us = 40 + 3 * costs.loads[1:] / 2
    assert costs.latency_s[0, 1:] * 1e6 == pytest.approx(expected_us, rel=1e-3)
    assert costs.energy_reason is not None


def test_without_energy_the_costs_are_those_of_time_and_say_why() -> None:
    costs = costs_of_experts(chain_model(None), [CHAIN], 64)
    assert costs.energy_reason == "fc1: this machine has no energy counter"
    assert (costs.energy_source, costs.idle_power_w) == ("unavailable", 0.0)
    assert not costs.energy_j.any()
    assert costs.latency_s[:, 1:].all()


@pytest.mark.parametrize("source", ["imported", "estimated"])
def test_energies_that_were_not_measured_count_where_allowed(source: str) -> None:
    model = chain_model(energy_source=source)
    refused = costs_of_experts(model, [CHAIN], 64)
    assert refused.energy_reason is not None
    assert f"the energies are {source}" in refused.energy_reason
    allowed = costs_of_experts(model, [CHAIN], 64, allow_estimates=True)
    assert (allowed.energy_source, allowed.energy_reason) == (source, None)
    assert f"the energies are {source}" in allowed.remarks


def test_energy_is_drawn_in_the_time_of_a_steady_load() -> None:
    """So that power is the measured one; by time alone it is that of single calls."""
    single, steady = (
        costs_of_experts(chain_model(steady_ratio=ratio), [CHAIN], 64) for ratio in (1.0, 1.25)
    )
    assert steady.latency_s == pytest.approx(1.25 * single.latency_s)
    assert steady.energy_j == pytest.approx((150 - IDLE_W) * steady.latency_s)
    withheld = costs_of_experts(
        chain_model(steady_ratio=1.25, energy_source="imported"), [CHAIN], 64
    )
    assert withheld.latency_s == pytest.approx(single.latency_s)


def test_an_imported_model_is_named() -> None:
    origin = Origin("https://example.org/tables", "0", "MIT", {})
    file = replace(chain_file(None), source="imported", origin=origin)
    costs = costs_of_experts(KernelCostModel.from_file(file), [CHAIN], 64)
    assert costs.remarks == ("the latencies are imported from https://example.org/tables",)


def test_energies_of_a_simulated_device_say_so() -> None:
    costs = costs_of_experts(chain_model(energy_source="simulated"), [CHAIN], 64)
    assert (costs.energy_source, costs.remarks) == ("simulated", ("the energies are simulated",))


def test_an_idle_power_that_was_not_measured_is_assumed_where_estimates_are_allowed() -> None:
    model = chain_model(idle_power_w=None)
    reason = costs_of_experts(model, [CHAIN], 64).energy_reason
    assert reason == "fc1: the idle power of the device was not measured"
    allowed = costs_of_experts(model, [CHAIN], 64, allow_estimates=True)
    assert allowed.idle_power_w == pytest.approx(150)
    assert any("lowest power of any kernel" in remark for remark in allowed.remarks)


def test_costs_at_points_with_flags_are_told() -> None:
    model = KernelCostModel.from_file(
        replace(
            chain_file(),
            curves=tuple(replace(c, doubtful_tokens=(1,)) for c in chain_file().curves),
        )
    )
    costs = costs_of_experts(model, [CHAIN], 64)
    assert "fc1: 1 of 20 costs are doubtful" in costs.remarks


def test_experts_are_dealt_out_to_gpus_in_turns() -> None:
    costs = costs_of_experts(chain_model(), [CHAIN] * 5, 8, gpus=2)
    assert costs.gpu_of.tolist() == [0, 1, 0, 1, 0]
    placed = costs_of_experts(chain_model(), [CHAIN] * 3, 8, gpu_of=[1, 1, 0], gpus=3)
    assert placed.gpu_of.tolist() == [1, 1, 0]


@pytest.mark.parametrize(
    ("kinds", "placed", "sentence"),
    [
        ([], {}, "there are no experts"),
        ([CHAIN], {"gpus": 0}, "there are 0 GPUs"),
        ([CHAIN], {"gpus": 2}, "1 experts cannot be dealt out to 2 GPUs"),
        ([CHAIN], {"gpu_of": [1]}, "expert 0 is placed on GPU 1, and there are GPUs 0 to 0"),
        ([CHAIN], {"gpu_of": [0, 0]}, "2 experts are placed on GPUs, and there are 1"),
        ([CHAIN, ExpertKind(("fc9",))], {}, r"expert 1 \(fc9\) has no curve: the model has no"),
    ],
)
def test_experts_that_cannot_be_are_refused(
    kinds: list[ExpertKind], placed: dict[str, object], sentence: str
) -> None:
    with pytest.raises(BadInput, match=sentence):
        costs_of_experts(chain_model(), kinds, 8, **placed)  # type: ignore[arg-type]


def test_loads_far_beyond_what_was_measured_are_refused() -> None:
    with pytest.raises(OutOfRange, match=r"expert 0 \(fc1\+gelu\+fc2\) has no curve: .*256"):
        costs_of_experts(chain_model(), [CHAIN], 10_000)


@pytest.mark.parametrize("rows", [0, -1, 2.5])
def test_the_most_rows_are_a_positive_integer(rows: float) -> None:
    with pytest.raises(BadInput, match="the most rows of an expert"):
        costs_of_experts(chain_model(), [CHAIN], rows)  # type: ignore[arg-type]


def test_one_row_is_enough() -> None:
    assert costs_of_experts(chain_model(), [CHAIN], 1).loads.tolist() == [0, 1]
    assert np.isfinite(costs_of_experts(chain_model(), [CHAIN], 1).latency_s).all()
