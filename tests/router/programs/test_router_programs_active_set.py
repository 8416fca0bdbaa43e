from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.router.programs.active_set import (
    bound_at_border,
    choose_experts,
    first_choices,
    objective_of,
    shares_of_mass,
)
from moeprof.store.errors import BadInput

EXPERTS, K = 6, 2


@given(st.integers(0, 10_000), st.floats(0.0, 2.0), st.booleans())
def test_no_set_is_better_than_the_bound(seed: int, charge: float, floor: bool) -> None:
    """Of all sets, each of them tried; also where all first choices must stay."""
    draw = np.random.default_rng(seed)
    values = shares_of_mass(draw.dirichlet(np.full(EXPERTS, 0.5), size=5), K)
    charges = draw.uniform(0, charge, EXPERTS)
    required = first_choices(values) if floor else np.zeros(EXPERTS, dtype=bool)
    chosen = choose_experts(values, charges, K, required, tolerance=1e-3)
    sets = [np.array(kept) for kept in product([False, True], repeat=EXPERTS)]
    best = max(objective_of(values, charges, K, s) for s in sets if (s | ~required).all())
    assert (chosen.kept | ~required).all()
    assert chosen.objective == pytest.approx(objective_of(values, charges, K, chosen.kept))
    assert chosen.objective - 1e-9 <= best <= chosen.bound + 1e-9
    assert best - chosen.objective <= chosen.gap * 5 + 1e-9
    assert best <= bound_at_border(values, charges, K, required) + 1e-9


def test_experts_are_dropped_where_reading_them_costs_more_than_they_give() -> None:
    values = np.array([[0.9, 0.1, 0.0], [0.0, 0.6, 0.4]])
    chosen = choose_experts(values, np.array([0.2, 0.2, 0.45]), 2)
    assert chosen.kept.tolist() == [True, True, False]
    assert chosen.objective == pytest.approx(0.9 + 0.1 + 0.6 - 0.4)


def test_an_expert_that_is_required_stays_at_any_charge() -> None:
    values = np.array([[0.9, 0.1], [0.8, 0.2]])
    chosen = choose_experts(values, np.array([9.0, 9.0]), 1, required=first_choices(values))
    assert chosen.kept.tolist() == [True, False]
    assert not choose_experts(values, np.array([9.0, 9.0]), 1).kept.any()


def test_without_charges_every_expert_that_is_picked_stays() -> None:
    values = np.random.default_rng(0).random((8, EXPERTS))
    assert choose_experts(values, np.zeros(EXPERTS), EXPERTS).gap == pytest.approx(0)


@pytest.mark.parametrize(
    ("values", "charges", "k", "sentence"),
    [
        ([[0.5, np.nan]], [1.0, 1.0], 1, "a value is nan"),
        ([[0.5, 0.5]], [1.0, -1.0], 1, "a charge is -1.0"),
        ([[0.5, 0.5]], [1.0], 1, "must have tokens x experts"),
        ([[0.5, 0.5]], [1.0, 1.0], 3, r"k is 3, and must lie in 1\.\.2"),
    ],
)
def test_what_is_no_program_is_refused(
    values: list[list[float]], charges: list[float], k: int, sentence: str
) -> None:
    with pytest.raises(BadInput, match=sentence):
        choose_experts(np.array(values), np.array(charges), k)
