"""The difference of each layer in a model: fitted where both were measured, else with a reason."""

from dataclasses import replace

import pytest

from moeprof.costmodel.layer.fitted import with_differences
from moeprof.tests.costmodel.layer.gated_models import SIZES, gated_file


def test_the_difference_is_fitted_at_the_sizes_of_the_unit() -> None:
    (layer,) = gated_file("uniform").layers
    assert layer.difference is not None
    assert layer.difference.gap_us == pytest.approx(3, rel=1e-3)
    assert layer.difference.overlap_share == pytest.approx(0.1, rel=1e-3)
    assert layer.difference.n == len(SIZES)


def test_all_routings_of_a_layer_have_one_difference() -> None:
    uniform, skewed = gated_file("uniform", "zipf:2").layers
    assert uniform.difference == skewed.difference
    assert uniform.difference is not None
    assert uniform.difference.n == 2 * len(SIZES)


def test_without_a_part_or_the_unit_the_reason_is_kept() -> None:
    for lacking in ("permute", "moe_layer"):
        (layer,) = gated_file("uniform", without=[lacking]).layers
        assert layer.difference is None
        assert "at 0 sizes, and it takes 6" in (layer.difference_reason or "")


def test_a_model_without_such_a_layer_stays_as_it_is() -> None:
    file = gated_file("uniform")
    bare = replace(file, layers=(replace(file.layers[0], parts=(), unit=None, difference=None),))
    assert with_differences(bare) is bare
