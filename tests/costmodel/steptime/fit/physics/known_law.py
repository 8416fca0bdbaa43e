"""Rows whose steps are those of a known law."""

from dataclasses import replace

import numpy as np

from moeprof.costmodel.steptime.physics import Physics
from moeprof.costmodel.steptime.rows.serving_rows import ServingRows, columns_of
from moeprof.device.peaks import gpu_sheet
from moeprof.tests.costmodel.steptime.whole_models import many_deployments, rows_of

LAW = Physics(
    dict.fromkeys(columns_of(rows_of(*many_deployments()[:1])), 0.0)
    | {"dense_weights": 1.2, "expert_weights": 1.2, "kv": 1.0, "prefill_dense_flops": 1.5}
    | {"prefill_expert_flops": 1.5, "layers": 40.0, "requests": 10.0, "steps": 500.0},
    {"vllm": {"layers": 60.0}, "sglang": {"layers": 30.0}},
)


def noisy(law: dict[str, float], by_engine: dict[str, dict[str, float]]) -> ServingRows:
    rows, rng = rows_of(*many_deployments(), sizes=8), np.random.default_rng(1)
    none = dict.fromkeys(columns_of(rows), 0.0)
    step_us = Physics(none | law, by_engine).step_us(rows)
    return replace(rows, step_us=step_us * np.exp(0.1 * rng.standard_normal(len(rows))))


def with_slow_vendor(factor: float) -> ServingRows:
    """Steps by LAW, `factor` times as long on three deployments of another vendor's GPUs."""
    others = [replace(one, gpu=gpu_sheet("MI300X")) for one in many_deployments()[:3]]
    rows = rows_of(*many_deployments(), *others)
    return replace(rows, step_us=LAW.step_us(rows) * np.where(rows.vendors == "AMD", factor, 1.0))
