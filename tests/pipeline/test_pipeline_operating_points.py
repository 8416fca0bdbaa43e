"""The best way to run a layer, looked up in models of several power limits."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from moeprof.pipeline.cost import CostQuery, load
from moeprof.pipeline.operating_points import Aim, Budget, best_way, named
from moeprof.store.errors import BadInput
from moeprof.tests.costmodel.layer.gated_models import LAYER as GATED
from moeprof.tests.costmodel.layer.gated_models import SIZES
from moeprof.tests.pipeline.layer_models import ENGINE, model_at

AIM: Aim = "tokens-per-joule"
LAYER = CostQuery(op="layer", batch_size=64)


@pytest.fixture
def models(tmp_path: Path) -> list[Path]:
    """The same layer at 400 W, where a call takes 2 mJ, and at 700 W, where it takes 3.5 mJ."""
    return [model_at(tmp_path, limit_w) for limit_w in (400.0, 700.0)]


def test_every_way_of_every_model_is_tried_at_every_size(models: list[Path]) -> None:
    found = best_way(models, LAYER, AIM, Budget(), every_size=True)
    assert found.tried == 2 * 2 * SIZES[-1]
    assert found.best is not None
    assert (found.best.routed_by, found.best.power_limit_w) == (ENGINE, 400.0)
    assert found.best.tokens == SIZES[-1]
    assert found.best.energy_mj == pytest.approx(3 * 2.0)  # gate, topk and the engine's kernel
    assert found.best in found.front
    assert (found.nearest, found.left_out) == (None, ())


def test_a_batch_size_a_way_and_a_format_are_taken_as_given(models: list[Path]) -> None:
    asked = replace(LAYER, routed_by=ENGINE)
    found = best_way(models[1:], asked, "tokens-per-second", Budget())
    assert found.tried == 1
    assert found.best is not None
    assert (found.best.tokens, found.best.model) == (64, str(models[1]))
    assert named(found.best) == ENGINE


def test_a_budget_of_power_leaves_out_what_draws_more(models: list[Path]) -> None:
    for path, other in (models, models[::-1]):
        (own,) = best_way([path], replace(LAYER, routed_by=ENGINE), AIM, Budget()).front
        assert own.power_w is not None
        found = best_way([path, other], LAYER, "tokens-per-second", Budget(own.power_w * 1.01))
        assert found.best is not None
        assert found.best.power_w is not None
        assert found.best.power_w <= own.power_w * 1.01


def test_a_budget_that_nothing_meets_names_the_nearest(models: list[Path]) -> None:
    found = best_way(models, LAYER, AIM, Budget(power_w=1))
    assert (found.best, found.front) == (None, ())
    assert found.nearest is not None
    assert found.nearest.power_limit_w == 400.0


def test_a_way_that_lacks_a_part_is_named_and_left_out(tmp_path: Path) -> None:
    path = model_at(tmp_path, 400.0, without=["permute", "moe_layer"])
    found = best_way([path], LAYER, AIM, Budget())
    assert found.left_out == (f"{path}: its parts: permute: not among the operations",)
    assert found.best is not None
    assert found.best.routed_by == ENGINE


def test_energy_that_was_not_measured_is_refused_where_it_is_needed(tmp_path: Path) -> None:
    unmetered = {"energy_source": "unavailable", "energy_reason": "no meter", "energy_mj": None}
    path = model_at(tmp_path, 400.0, **unmetered, power_w=None)
    fastest = best_way([path], LAYER, "tokens-per-second", Budget(latency_us=1e6))
    assert fastest.best is not None
    with pytest.raises(BadInput, match=r"needs the energy of the layer.*no meter"):
        best_way([path], LAYER, AIM, Budget())


def test_a_layer_that_was_measured_as_one_keeps_to_a_time_by_that_measurement(
    tmp_path: Path,
) -> None:
    path = model_at(tmp_path, 400.0, routed=[])
    unit = load(path).get_cost("moe_layer", 64)
    found = best_way([path], LAYER, "tokens-per-second", Budget(latency_us=unit.latency_us_hi))
    assert found.best is not None
    assert found.best.latency_us == unit.latency_us


def test_a_layer_that_was_measured_as_one_lacks_a_part_for_its_energy_alone(tmp_path: Path) -> None:
    lacking = model_at(tmp_path, 700.0, without=["permute"])
    fastest = best_way([lacking], LAYER, "tokens-per-second", Budget())
    assert fastest.best is not None
    assert fastest.best.routed_by is None
    thrifty = best_way([lacking], LAYER, AIM, Budget())
    assert thrifty.best is not None
    assert thrifty.best.routed_by == ENGINE
    assert thrifty.left_out == (
        f"{lacking}: its parts: no energy: permute: not among the operations",
    )


def test_models_without_any_whole_way_are_refused(tmp_path: Path) -> None:
    path = model_at(tmp_path, 400.0, without=["gate", "moe_layer"])
    with pytest.raises(BadInput, match=r"no way of running the layer was measured whole: .*gate"):
        best_way([path], LAYER, AIM, Budget())


@pytest.mark.parametrize(
    ("asked", "named_by"),
    [({"weight_bits": 8}, "--weight-bits 8"), ({"routed_by": "nobody"}, "--routed-by nobody")],
)
def test_a_way_that_was_not_measured_is_refused_by_the_option_that_names_it(
    models: list[Path], asked: dict[str, Any], named_by: str
) -> None:
    with pytest.raises(BadInput, match=f"not measured with {named_by}"):
        best_way(models, replace(LAYER, **asked), "tokens-per-second", Budget())


def test_the_bits_of_the_dtype_are_those_of_every_way_on_plain_weights(models: list[Path]) -> None:
    assert best_way(models[:1], replace(LAYER, weight_bits=32), AIM, Budget()).tried == 2


def test_two_layers_or_devices_are_not_ranked_against_each_other(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    small = replace(GATED, hidden=4)
    paths = [model_at(tmp_path, 400.0), model_at(tmp_path / "other", 400.0, layer=small)]
    with pytest.raises(BadInput, match="differ in sizes: 8x4 and 4x4"):
        best_way(paths, LAYER, AIM, Budget())


def test_a_way_without_the_difference_that_another_has_is_left_out(tmp_path: Path) -> None:
    whole, cut = model_at(tmp_path, 400.0), model_at(tmp_path, 700.0, without=["moe_layer"])
    found = best_way([whole, cut], LAYER, "tokens-per-second", Budget())
    assert found.best is not None
    assert found.best.model == str(whole)
    assert len(found.left_out) == 2
    assert all("700w.json" in reason for reason in found.left_out)
    alone = best_way([cut], LAYER, "tokens-per-second", Budget())
    assert (alone.tried, alone.left_out) == (2, ())


def test_a_model_that_is_named_twice_counts_once(models: list[Path]) -> None:
    assert best_way([*models, models[0]], LAYER, AIM, Budget()).tried == 4


def test_an_engine_that_was_not_measured_with_a_routing_is_left_out(models: list[Path]) -> None:
    found = best_way(models, replace(LAYER, routing="zipf:1"), AIM, Budget())
    assert found.best is not None
    assert found.best.routed_by is None
    assert all("with the routing uniform alone" in reason for reason in found.left_out)
