"""The estimate: a call at the device's rates, a point as its script measures it."""

from dataclasses import replace
from typing import Any

import pytest

from moeprof.kernels.formats.names import FORMATS
from moeprof.scenarios.catalogue import find_ops
from moeprof.scenarios.duration import START_S, CallTimes, call_times_of, timing_s
from moeprof.scenarios.preset import Preset, load_preset
from moeprof.scenarios.rates import Rates
from moeprof.scenarios.script import MIN_CALLS, WARMUP_CALLS
from moeprof.store.plan import Plan
from moeprof.tests.builders import plan_run

MIXTRAL = load_preset("mixtral-8x7b")
CPU = Rates(100e9, 10e9, unpack_flops_per_s=0.1e9)
GPU = Rates(1000e12, 4000e9)


def a_pace(ops: str, rates: Rates | None = CPU) -> CallTimes:
    return call_times_of(MIXTRAL, find_ops(ops), "cold", rates)


def a_plan(
    ops: str, sizes: tuple[int, ...] = (1, 8, 64), preset: Preset = MIXTRAL, **choices: Any
) -> Plan:
    return plan_run(ops, sizes, preset, **choices)


def test_few_tokens_wait_for_the_weights_and_many_for_the_arithmetic() -> None:
    call_s = a_pace("fc1")["fc1"]
    weights = 4096 * 14336
    assert call_s(1) == pytest.approx(2 * weights / CPU.bytes_per_s, rel=0.02)
    assert call_s(512) == pytest.approx(2 * 512 * weights / CPU.flops_per_s, rel=0.02)


def test_a_cpu_unpacks_weights_at_a_rate_of_its_own() -> None:
    pace = a_pace("dequant_unpack,dequant_linear,fc1")
    unpack_s = 2 * 4096 * 14336 / 0.1e9
    assert pace["dequant_unpack"](1) == pytest.approx(unpack_s, rel=0.02)
    assert pace["dequant_linear"](512) == pytest.approx(unpack_s + pace["fc1"](512), rel=0.02)


@pytest.mark.parametrize("weight_format", ["mxfp4", "fp8_block", "int4"])
def test_a_cpu_unpacks_the_weights_of_the_experts_that_get_a_token(weight_format: str) -> None:
    sizes = FORMATS[weight_format]
    packs = replace(
        MIXTRAL, weight_format=weight_format, weight_bits=sizes.bits, group_size=sizes.group or 128
    )
    pace = call_times_of(packs, find_ops("w2_packed,moe_layer_packed", packs), "cold", CPU)
    for tokens in (1, 2, 64):
        weights = len(packs.expert_loads(tokens)) * 4096 * 14336
        assert pace["w2_packed"](tokens) == pytest.approx(2 * weights / 0.1e9, rel=0.05)
        assert pace["moe_layer_packed"](tokens) == pytest.approx(6 * weights / 0.1e9, rel=0.05)


def test_a_gpu_unpacks_on_the_way() -> None:
    pace = a_pace("dequant_linear,fc1", GPU)
    assert pace["dequant_linear"](1) < pace["fc1"](1) < 1e-3


def test_long_calls_make_a_long_point() -> None:
    plan, pace = a_plan("dequant_unpack"), a_pace("dequant_unpack")
    calls_s = (WARMUP_CALLS + MIN_CALLS) * pace["dequant_unpack"](1)
    assert timing_s(plan, pace) == pytest.approx(2 * START_S + 6 * calls_s, rel=0.02)


def test_no_point_is_longer_than_its_time_limit() -> None:
    plan = a_plan("dequant_unpack", point_timeout_s=2.0)
    assert timing_s(plan, a_pace("dequant_unpack")) == pytest.approx(
        2 * START_S + 6 * 2.0, rel=0.05
    )


def test_a_point_of_short_calls_ends_before_its_time_is_spent() -> None:
    plan = a_plan("topk")
    assert START_S < timing_s(plan, a_pace("topk", GPU)) < timing_s(plan, {})


def test_what_is_chosen_later_lasts_as_long_as_what_is_measured_first() -> None:
    domain = tuple(range(1, 513))
    pace = a_pace("fc1")
    few, more = (
        timing_s(a_plan("fc1", domain, points_per_op=points), pace) - 2 * START_S
        for points in (16, 48)
    )
    assert more / few == pytest.approx((48 + 18) / (16 + 18), rel=0.3)


def test_without_rates_points_are_of_ordinary_length() -> None:
    assert a_pace("fc1", None) == {}
    large, small = a_plan("fc1"), a_plan("fc1", preset=load_preset("small"))
    assert timing_s(large, {}) == timing_s(small, {})
