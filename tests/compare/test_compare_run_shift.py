"""A run that is slower as a whole is told apart from curves that changed by themselves."""

from collections.abc import Mapping

import pytest

from moeprof.compare.held import Held
from moeprof.compare.run_shift import compare_runs, values_of
from moeprof.store.verdicts.parts import HoldoutPoint, RunShift

SIZES = (2, 5, 9, 20, 40, 80, 160, 320)


def shift(
    changes: Mapping[str, float],
    *,
    shared: int = len(SIZES),
    jitter: float = 0.0,
    model: float = 1.0,
) -> RunShift:
    """Compare a run whose curves take these times as long; `shared` sizes were in both runs.

    The model's predictions are `model` times what its own run measured.
    """
    own = {(curve, size): 100.0 + size for curve in changes for size in SIZES[:shared]}
    held = [
        Held(
            curve,
            curve,
            "latency",
            tuple(
                HoldoutPoint(
                    size,
                    (100.0 + size) * factor * (1 + jitter * (-1) ** place),
                    (100.0 + size) * model,
                    None,
                )
                for place, size in enumerate(SIZES)
            ),
            0.01,
            (),
        )
        for curve, factor in changes.items()
    ]
    return compare_runs(held, own, 0.03)


def test_a_whole_run_that_is_slower_is_a_common_change() -> None:
    found = shift({"fc1": 1.085, "gelu": 1.09, "topk": 1.08})
    assert found.told
    assert found.common == pytest.approx(0.085)
    assert found.alone == {}


def test_a_curve_that_changed_alone_is_named() -> None:
    found = shift({"fc1": 1.2, "gelu": 1.0, "topk": 1.01})
    assert not found.told
    assert found.alone == {"fc1": pytest.approx(0.2)}


def test_a_curve_that_changed_more_than_the_others_is_named_beside_the_common_change() -> None:
    found = shift({"fc1": 1.5, "gelu": 1.085, "topk": 1.085, "fc2": 1.085})
    assert found.told
    assert found.alone == {"fc1": pytest.approx(0.5)}


def test_two_curves_that_differ_share_no_change() -> None:
    found = shift({"fc1": 1.2, "gelu": 1.0})
    assert found.common is None
    assert found.alone == {"fc1": pytest.approx(0.2)}


def test_noise_is_no_change() -> None:
    found = shift({"fc1": 1.0, "gelu": 1.0, "topk": 1.0}, jitter=0.02)
    assert not found.told
    assert found.alone == {}


def test_the_floor_is_what_sizes_differ_by_beside_the_common_change() -> None:
    found = shift({"fc1": 1.085, "gelu": 1.085, "topk": 1.085}, jitter=0.02)
    assert found.floor == pytest.approx(0.02, abs=0.002)
    assert found.n == 24


@pytest.mark.parametrize("others", [{"gelu": 1.0, "topk": 1.0}, {"gelu": 1.0}])
def test_a_curve_that_changed_alone_does_not_raise_the_floor(others: dict[str, float]) -> None:
    found = shift({"fc1": 1.4} | others, jitter=0.01)
    assert found.floor == pytest.approx(0.01, abs=0.003)


@pytest.mark.parametrize("shared", [2, 8])
def test_an_error_of_the_model_does_not_raise_the_floor(shared: int) -> None:
    found = shift(
        dict.fromkeys(("fc1", "gelu", "topk"), 1.0), shared=shared, jitter=0.01, model=0.9
    )
    assert found.floor == pytest.approx(0.01, abs=0.003)


def test_without_sizes_that_both_measured_the_predictions_are_compared() -> None:
    found = shift({"fc1": 1.1, "gelu": 1.1}, shared=0)
    assert (found.floor, found.n) == (None, 0)
    assert found.common == pytest.approx(0.1)


def test_values_are_taken_by_curve_and_size_where_there_are_any() -> None:
    rows = [
        {"curve": "fc1", "tokens": 1, "latency_us": 3.0},
        {"curve": "fc1", "tokens": 2, "latency_us": None},
    ]
    assert values_of(rows, "latency_us") == {("fc1", 1): 3.0}
