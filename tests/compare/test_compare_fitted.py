"""A curve is predicted by a curve of the model, or by a cut through a surface."""

import pyarrow as pa
import pytest

from moeprof.compare.fitted import cut_through_surface, fitted_curves
from moeprof.compare.holdout import validate_holdout
from moeprof.costmodel.curve.energy import BEYOND
from moeprof.store.verdicts.parts import Outcome
from moeprof.tests.builders import NO_COUNTER, make_model, make_points

FIT = (8, 16, 32, 64, 128, 256)
HELD_OUT = (11, 20, 27, 50, 90, 200)


@pytest.fixture
def points() -> pa.Table:
    """Grouped experts at 2, 4 and 8 active ones, each of which costs 100 us of reading."""

    def of(active: int, sizes: tuple[int, ...], role: str) -> pa.Table:
        routed = {"op": "experts", "experts": 8, "top_k": 2, "active_experts": active}
        curve = f"experts-8x4-fp32-e8-a{active}-k2-cold"
        return make_points(lambda size: 100.0 * active + size, sizes, role, curve=curve, **routed)

    return pa.concat_tables(
        [
            of(active, *which)
            for active in (2, 4, 8)
            for which in ((FIT, "fit"), (HELD_OUT, "holdout"))
        ]
    )


def test_each_number_of_active_experts_is_predicted_by_the_surface(points: pa.Table) -> None:
    validation = validate_holdout(make_model(points), "a", points)
    assert [verdict.op for verdict in validation.curves] == ["experts"] * 3
    assert {verdict.n for verdict in validation.curves} == {6}
    assert {verdict.outcome for verdict in validation.curves} == {Outcome.PASS}
    for verdict in validation.curves:
        assert verdict.coverage_95 is not None
        assert verdict.coverage_50 is not None
        assert all(point.predicted > 200 for point in verdict.points)


def test_a_surface_without_energy_has_the_reason(points: pa.Table) -> None:
    model = make_model(points)
    fitted = cut_through_surface(model, points["curve"][0].as_py())
    assert fitted is not None
    assert fitted.energy_reason == NO_COUNTER
    assert (fitted.domain.first_tokens, fitted.domain.last_tokens) == (8, 256)
    assert validate_holdout(model, "a", points).unmeasured["energy"] == fitted.energy_reason


def test_a_curve_of_another_operation_has_no_surface(points: pa.Table) -> None:
    model = make_model(points)
    (surface,) = model.file.surfaces
    assert cut_through_surface(model, surface.surface) is None
    assert cut_through_surface(model, points["curve"][0].as_py().replace("experts", "fc1")) is None


def test_a_curve_gives_costs_and_intervals_by_its_name() -> None:
    model = make_model(make_points(lambda size: 50.0 + size, FIT, "fit"))
    (fitted,) = fitted_curves(model).values()
    assert fitted.cost(20).latency_us == pytest.approx(70)
    low, high = fitted.interval_us(20, 80)
    assert low <= 70 <= high
    assert fitted.energy_reason == NO_COUNTER


def test_a_size_whose_energy_the_model_does_not_know_is_left_out() -> None:
    def of(sizes: tuple[int, ...], role: str, known: bool = True) -> list[pa.Table]:
        source = {"energy_source": "rapl", "energy_reason": None} if known else {}
        return [
            make_points(
                lambda size: 50.0 + size,
                [size],
                role,
                energy_mj=0.3 * (50 + size) if known else None,
                **source,
            )
            for size in sizes
        ]

    unknown = of(FIT[-1:], "fit", known=False)
    points = pa.concat_tables([*of(FIT[:-1], "fit"), *unknown, *of(HELD_OUT, "holdout")])
    validation = validate_holdout(make_model(points), "a", points)
    (energy,) = (verdict for verdict in validation.curves if verdict.metric == "energy")
    assert energy.n == 5
    assert f"left out 200: {BEYOND.format(8, 128)}" in energy.reason
    assert energy.outcome is Outcome.AMBIGUOUS  # five sizes; and no band is missed beyond 128


def test_energy_is_judged_between_the_metered_sizes() -> None:
    def metered(size: int) -> dict[str, object]:
        known = size >= 32
        source = {"energy_source": "rapl", "energy_reason": None} if known else {}
        return {"energy_mj": 0.3 * (50 + size) if known else None, **source}

    tables = [make_points(lambda size: 50.0 + size, [b], "fit", **metered(b)) for b in FIT]
    (fitted,) = fitted_curves(make_model(*tables)).values()
    assert (fitted.domain_of("energy").first_tokens, fitted.domain_of("energy").last_tokens) == (
        32,
        256,
    )
    assert fitted.domain_of("latency").first_tokens == 8
