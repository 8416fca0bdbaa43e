"""Work by active experts is that of the operation, also far beyond the sizes of the fit."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.roofline import roofline
from moeprof.costmodel.work.expert_work import Routed, fit_expert_work
from moeprof.scenarios.operation import Operation
from moeprof.scenarios.ops.layer import moe_layer, packed, w13
from moeprof.scenarios.preset import Preset, load_preset
from moeprof.stats.arrays import Float64, Int64
from moeprof.store.cost_model import ExpertWork, Peaks

RATES = Peaks({"float32": 1e6}, 1e6, None, "a sheet")  # a FLOP or a byte takes 1 us
SIZES: Int64 = np.array([1, 2, 3, 5, 8, 16, 32, 64], dtype=np.int64)


def preset_of(routing: str, ranks: int = 1) -> Preset:
    small = replace(load_preset("small"), routing=routing)
    return small if ranks == 1 else replace(small, local_experts=small.experts // ranks)


def counted(operation: Operation, preset: Preset, sizes: Int64) -> tuple[Float64, Float64]:
    """FLOPs and bytes of an operation as it counts them, for the tokens that are drawn."""
    flops = [float(operation.flops(size, preset)) for size in sizes.tolist()]
    moved = [float(operation.bytes_moved(size, preset, 4)) for size in sizes.tolist()]
    return np.array(flops), np.array(moved)


def fitted(operation: Operation, preset: Preset) -> ExpertWork:
    ranks = preset.experts // preset.held_experts
    routed = Routed(preset.routing, preset.experts, preset.top_k, ranks, preset.expert_loads)
    work = fit_expert_work(SIZES, *counted(operation, preset, SIZES), routed)
    assert work is not None
    return work


def test_a_product_of_grouped_experts_reads_the_weights_of_each_active_one() -> None:
    preset = preset_of("uniform")
    work = fitted(w13.W13_GROUPED, preset)
    weights = preset.hidden * 2 * preset.ffn
    assert work.bytes_moved == pytest.approx(4 * weights + 4, rel=1e-5)
    assert work.flops == 0.0
    assert work.rest.flops_per_token == pytest.approx(2 * preset.top_k * weights, rel=1e-5)
    rows = preset.top_k * (preset.hidden + 2 * preset.ffn)
    assert work.rest.bytes_per_token == pytest.approx(4 * rows, rel=1e-5)
    assert (work.rest.flops_fixed, work.rest.bytes_fixed) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("operation", "routing", "ranks"),
    [
        (w13.W13_GROUPED, "zipf:1.2", 1),
        (w13.W13_GROUPED, "uniform", 4),
        (packed.W13, "uniform", 1),
        (packed.W2, "zipf:1", 4),
        (moe_layer.OPERATION, "counts:4:" + ",".join(["1"] * 8 + ["0"] * 8), 1),
    ],
    ids=lambda one: getattr(one, "name", str(one)[:10]),
)
def test_four_doublings_on_the_work_is_that_of_the_operation(
    operation: Operation, routing: str, ranks: int
) -> None:
    preset = preset_of(routing, ranks)
    far = SIZES[-1:] * np.array([2, 4, 8, 16])
    flops, moved = counted(operation, preset, far)
    bound = roofline(fitted(operation, preset), RATES, "float32")
    assert bound is not None
    assert bound.compute_us(far) == pytest.approx(flops, rel=0.15 if ranks > 1 else 0.01)
    assert bound.memory_us(far) == pytest.approx(moved, rel=0.06)


def test_work_of_another_form_is_none() -> None:
    preset = preset_of("uniform")
    flops, moved = counted(w13.W13_GROUPED, preset, SIZES)
    routed = Routed("uniform", preset.experts, preset.top_k, 1, preset.expert_loads)
    assert fit_expert_work(SIZES, flops, moved + SIZES**4.0, routed) is None
