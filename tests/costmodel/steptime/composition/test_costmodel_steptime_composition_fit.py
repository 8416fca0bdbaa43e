"""Kernels count as far as they predict steps that no fit saw better than the physics does."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.steptime.composition.composed import TERMS, Composed, columns_of_kernels
from moeprof.costmodel.steptime.composition.fit import fit_kernels
from moeprof.costmodel.steptime.features.deployment import Split
from moeprof.costmodel.steptime.features.steps import Array
from moeprof.costmodel.steptime.fit.physics.law import fit_physics
from moeprof.costmodel.steptime.rows.serving_rows import ServingRows, columns_of
from moeprof.store.serving.kernel_fit import KernelFit
from moeprof.tests.costmodel.steptime.composition.h200_kernels import h200_kernels
from moeprof.tests.costmodel.steptime.whole_models import (
    LLAMA_3_8B,
    MIXTRAL_8X7B,
    rows_of,
    served,
    timed_rows,
)


def h200_rows() -> ServingRows:
    """Twelve configurations of an H200 and four of an H100, without times."""
    models = (LLAMA_3_8B, MIXTRAL_8X7B)
    splits = (Split(), Split(tp=2))
    engines = ("vllm", "sglang", "trtllm")
    of_h200 = [
        served(model, "H200", engine=engine, split=split)
        for model in models for engine in engines for split in splits
    ]  # fmt: skip
    of_h100 = [served(model, "H100", engine=engine) for model in models for engine in engines[:2]]
    return rows_of(*of_h200, *of_h100)


def with_times(rows: ServingRows, step_us: Array) -> ServingRows:
    """These steps, with 3 % of noise."""
    noise = np.exp(0.03 * np.random.default_rng(1).standard_normal(len(rows)))
    return replace(rows, step_us=step_us * noise)


def kernel_rows() -> ServingRows:
    """Steps that take what kernels take beside reading and layers."""
    rows = h200_rows()
    columns = columns_of(rows)
    reading = columns["dense_weights"] + columns["expert_weights"] + columns["kv"]
    on_h200 = np.flatnonzero(rows.gpu_names == "H200")
    kernels = 2 * columns["prefill_dense_flops"]
    kernels[on_h200] = columns_of_kernels(rows.taken(on_h200), h200_kernels()).sum(axis=1)
    return with_times(rows, reading + kernels + 20 * columns["layers"])


@pytest.fixture(scope="module")
def found() -> KernelFit:
    """The fit of steps that kernels make."""
    rows = kernel_rows()
    return fit_kernels(rows, fit_physics(rows), h200_kernels())


def test_steps_that_kernels_make_are_predicted_by_them(found: KernelFit) -> None:
    assert (found.rows, found.configurations, found.converted) == (96, 12, 0)
    errors = found.unseen.errors
    assert errors["kernels"].median < errors["physics"].median
    assert errors["blend"].median <= errors["physics"].median
    assert found.unseen.weight > 0
    assert list(found.coefficients) == list(TERMS)
    assert all(value >= 0 for value in found.coefficients.values())


def test_every_form_stands_in_the_fit(found: KernelFit) -> None:
    for blend in (found.known, found.unseen):
        assert list(blend.errors) == ["physics", "kernels", "without kernels", "blend"]
        assert 1 < blend.factors["50"] < blend.factors["90"]


def test_where_the_physics_is_right_kernels_do_not_count() -> None:
    rows = timed_rows(h200_rows())
    found = fit_kernels(rows, fit_physics(rows), h200_kernels())
    assert found.known.errors["blend"].median <= 1.05 * found.known.errors["physics"].median


def test_the_same_rows_give_the_same_fit(found: KernelFit) -> None:
    rows = kernel_rows()
    assert fit_kernels(rows, fit_physics(rows), h200_kernels()) == found


def test_a_composed_step_is_its_terms_times_coefficients(found: KernelFit) -> None:
    rows = kernel_rows()
    composed = Composed(dict(found.coefficients), fit_physics(rows), h200_kernels())
    own = rows.taken(np.flatnonzero(rows.gpu_names == "H200"))
    off = np.abs(composed.step_us(own) / own.step_us - 1)
    assert np.median(off) < 0.06
