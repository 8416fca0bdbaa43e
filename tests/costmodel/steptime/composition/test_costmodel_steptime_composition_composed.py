"""A composed step has kernels in place of arithmetic, and the rest as the physics prices it."""

import numpy as np
import pytest

from moeprof.costmodel.steptime.composition.composed import (
    TERMS,
    Composed,
    columns_of_kernels,
    composed_terms,
    terms_without_kernels,
)
from moeprof.costmodel.steptime.fit.physics.law import fit_physics
from moeprof.tests.costmodel.steptime.composition.h200_kernels import h200_kernels
from moeprof.tests.costmodel.steptime.whole_models import (
    LLAMA_3_8B,
    MIXTRAL_8X7B,
    many_deployments,
    rows_of,
    served,
    timed_rows,
)

PHYSICS = fit_physics(timed_rows(rows_of(*many_deployments())))
ROWS = rows_of(served(MIXTRAL_8X7B, "H200"), served(LLAMA_3_8B, "H200"))


def test_without_kernels_the_terms_add_up_to_the_physics() -> None:
    assert terms_without_kernels(ROWS, PHYSICS).sum(axis=1) == pytest.approx(PHYSICS.step_us(ROWS))


def test_kernels_take_the_place_of_arithmetic_alone() -> None:
    columns = columns_of_kernels(ROWS, h200_kernels())
    found, without = composed_terms(ROWS, PHYSICS, columns), terms_without_kernels(ROWS, PHYSICS)
    kept = [TERMS.index("weights"), TERMS.index("rest")]
    assert (found[:, kept] == without[:, kept]).all()
    assert (found[:, 1:4] == columns).all()


def test_a_step_is_its_terms_by_their_coefficients() -> None:
    ones = Composed(dict.fromkeys(TERMS, 1.0), PHYSICS, h200_kernels())
    twice = Composed(dict.fromkeys(TERMS, 2.0), PHYSICS, h200_kernels())
    assert twice.step_us(ROWS) == pytest.approx(2 * ones.step_us(ROWS))
    assert np.isfinite(ones.step_us(ROWS)).all()
