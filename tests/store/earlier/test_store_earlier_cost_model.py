"""Models of earlier minors are read: without heat that has no step, their floor as the noise."""

from typing import Any

import pytest

from moeprof.store.earlier.cost_model import updated_model


@pytest.mark.parametrize(
    ("thermal", "updated"),
    [
        (None, None),
        ({"r_c_per_w": 0.1}, None),
        ({"r_c_per_w": 0.1, "step": None}, None),
        ({"step": {"poles": []}}, {"step": {"poles": []}}),
    ],
)
def test_heat_without_a_recorded_step_is_dropped(thermal: Any, updated: Any) -> None:
    body = {"preset": "tiny", "thermal": thermal}
    assert updated_model(body) == {"preset": "tiny", "thermal": updated}


def test_a_floor_becomes_the_noise_and_all_of_a_jump_counts() -> None:
    scores = {"floor": 0.01, "quantiles": {"50": 0.3, "80": 0.8, "90": 1.2, "95": 1.8}}
    body = {"intervals": scores, "curves": [{"floor": 0.02}, {"floor": None}, {}]}
    curves = updated_model(body)["curves"]
    assert [curve["noise"] for curve in curves] == [0.02, 0.01, 0.01]
    assert {curve["jump_share"] for curve in curves} == {1.0}


@pytest.mark.parametrize(
    ("known", "filled"),
    [
        ({}, [0.3, 0.8, 1.2, 1.8]),
        ({"50": 1.5, "80": None, "95": None}, [1.5, 1.5, 1.5, 1.8]),
        ({"50": 0.2, "80": 0.5, "90": 0.9, "95": 1.1}, [0.2, 0.5, 0.9, 1.1]),
    ],
)
def test_unknown_quantiles_are_those_of_public_tables(
    known: dict[str, float | None], filled: list[float]
) -> None:
    body = {"intervals": {"floor": 0.01, "quantiles": known}, "curves": []}
    assert list(updated_model(body)["intervals"]["quantiles"].values()) == filled


@pytest.mark.parametrize(
    "body",
    [
        {"intervals": 3, "curves": []},
        {"intervals": {"floor": 0.01}, "curves": None},
        {"intervals": {"quantiles": {"95": 3.0}}, "curves": [{"noise": 0.1}]},
    ],
)
def test_another_body_stays_as_it_is(body: dict[str, Any]) -> None:
    assert updated_model(body) == body


def test_what_is_no_curve_is_left_to_the_check_of_the_fields() -> None:
    body = {"intervals": {"floor": 0.01, "quantiles": 3}, "curves": [7]}
    assert updated_model(body) == body
