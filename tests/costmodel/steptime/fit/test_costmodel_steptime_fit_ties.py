"""How far coefficients may part is learnt from rows that are left out."""

from dataclasses import replace

import numpy as np

from moeprof.costmodel.steptime.fit.physics import Design, Ties, fit_physics, named_physics
from moeprof.costmodel.steptime.fit.ties import choose_ties
from moeprof.costmodel.steptime.physics import Physics
from moeprof.costmodel.steptime.rows.serving_rows import ServingRows, columns_of
from moeprof.tests.costmodel.steptime.whole_models import many_deployments, rows_of


def noisy(law: dict[str, float], by_engine: dict[str, dict[str, float]]) -> ServingRows:
    rows, rng = rows_of(*many_deployments(), sizes=8), np.random.default_rng(1)
    none = dict.fromkeys(columns_of(rows), 0.0)
    step_us = Physics(none | law, by_engine).step_us(rows)
    return replace(rows, step_us=step_us * np.exp(0.1 * rng.standard_normal(len(rows))))


def test_experts_unlike_dense_layers_are_let_go() -> None:
    law = {"dense_weights": 1.0, "expert_weights": 3.0, "kv": 1.0, "steps": 500.0}
    assert choose_ties(noisy(law, {})).columns > 0.5


def test_the_same_rows_give_the_same_choice() -> None:
    rows = noisy({"dense_weights": 1.0, "expert_weights": 1.0, "steps": 500.0}, {})
    assert choose_ties(rows) == choose_ties(rows)


def test_rows_of_a_design_are_fitted_as_they_are_alone() -> None:
    rows = noisy({"dense_weights": 1.0, "expert_weights": 1.0, "layers": 40.0}, {})
    some = np.arange(0, len(rows), 2)
    design = Design.of(rows).taken(some)
    shared = design.shared()
    found = named_physics(design, shared, design.apart(shared, Ties()))
    alone = fit_physics(rows.taken(some), Ties())
    assert np.allclose(found.step_us(rows), alone.step_us(rows), rtol=1e-6)
