"""Rows that kernels can compose, and the reasons of the others."""

import numpy as np
import pytest

from moeprof.costmodel.steptime.composition.composable import composable
from moeprof.costmodel.steptime.features.deployment import Split
from moeprof.costmodel.steptime.rows.serving_rows import ServingRows
from moeprof.store.errors import BadInput
from moeprof.tests.costmodel.steptime.composition.h200_kernels import h200_kernels
from moeprof.tests.costmodel.steptime.whole_models import (
    DEEPSEEK_V3,
    LLAMA_3_8B,
    MIXTRAL_8X7B,
    rows_of,
    served,
)


def some_rows(*, more: bool = True) -> ServingRows:
    """Rows of an H200, half of them of models that the kernels have, and of an H100."""
    known = [served(LLAMA_3_8B, "H200", engine=engine) for engine in ("vllm", "sglang")]
    known += [served(LLAMA_3_8B, "H200", "fp8"), served(MIXTRAL_8X7B, "H200")]
    known += [served(LLAMA_3_8B, "H200", split=Split(tp=2))] if more else []
    return rows_of(*known, served(DEEPSEEK_V3, "H200", "fp8"), served(LLAMA_3_8B, "H100"))


def test_rows_of_the_kernels_gpu_are_composed_and_others_named() -> None:
    found = composable(some_rows(), h200_kernels())
    assert found.places.tolist() == list(range(40))
    assert np.isfinite(found.columns).all()
    assert found.converted == 8
    assert list(found.refused.values()) == [8]
    assert next(iter(found.refused)).startswith("the kernel model has no ")


def test_too_few_rows_are_refused_with_what_is_missing() -> None:
    with pytest.raises(
        BadInput,
        match=r"32 of 40 rows of NVIDIA H200, of 4 configurations, can be composed of these"
        r" kernels, and a fit needs 30 of 5; of others: the kernel model has no ",
    ):
        composable(some_rows(more=False), h200_kernels())


def test_rows_of_other_gpus_alone_are_refused() -> None:
    with pytest.raises(BadInput, match="0 of 0 rows of NVIDIA H200"):
        composable(rows_of(served(LLAMA_3_8B, "H100")), h200_kernels())
