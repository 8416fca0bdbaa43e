"""Columns of a regression, of all rows or of some."""

import numpy as np

from moeprof.costmodel.steptime.fit.physics.design import Design, Ties, row_weights
from moeprof.costmodel.steptime.fit.physics.law import fit_physics, named_physics
from moeprof.tests.costmodel.steptime.fit.physics.known_law import noisy


def test_the_hundredth_row_of_a_configuration_counts_less() -> None:
    weights = row_weights(np.asarray(["a"] * 4 + ["b"]))
    assert weights.tolist() == [0.5, 0.5, 0.5, 0.5, 1.0]


def test_rows_of_a_design_are_fitted_as_they_are_alone() -> None:
    rows = noisy({"dense_weights": 1.0, "expert_weights": 1.0, "layers": 40.0}, {})
    some = np.arange(0, len(rows), 2)
    design = Design.of(rows).taken(some)
    shared = design.shared()
    found = named_physics(design, shared, design.apart(shared, Ties()))
    alone = fit_physics(rows.taken(some), Ties())
    assert np.allclose(found.step_us(rows), alone.step_us(rows), rtol=1e-6)
