"""Each configuration gets the simplest form that its left-out rows do not contradict."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.steptime.features.steps import Array
from moeprof.costmodel.steptime.fit.own_forms import fit_own_forms
from moeprof.costmodel.steptime.rows.serving_rows import ServingRows, columns_of
from moeprof.store.serving.own_forms import OwnForms
from moeprof.tests.costmodel.steptime.whole_models import (
    GEMMA_2_9B,
    LLAMA_3_8B,
    MIXTRAL_8X7B,
    rows_of,
    served,
)

POOLED, LINE, BLACKBOX = (
    served(LLAMA_3_8B), served(GEMMA_2_9B), served(MIXTRAL_8X7B, "H200"),
)  # fmt: skip
REPEATS = 3


def pooled_us(rows: ServingRows) -> Array:
    """What a fit of all rows would say: reading the weights, and 300 us a request."""
    columns = columns_of(rows)
    reading = columns["dense_weights"] + columns["expert_weights"] + columns["kv"]
    return np.asarray(reading + 300 * rows.steps.running)


def fit(_: ServingRows) -> object:
    """A fit that no row moves."""
    return pooled_us


@pytest.fixture(scope="module")
def rows() -> ServingRows:
    """One as predicted, one by a power of the batch, one linear in requests with another slope."""
    found = rows_of(*(POOLED, LINE, BLACKBOX) * REPEATS)
    prefill_tokens = np.repeat([1.0, 2.0, 4.0], len(found) // REPEATS) * found.steps.running
    found = replace(found, steps=replace(found.steps, prefill_tokens=prefill_tokens))
    rng, running = np.random.default_rng(0), found.steps.running
    told = pooled_us(found)
    step_us = np.select(
        [found.models == POOLED.model.name, found.models == LINE.model.name],
        [told, told * 1.5 * (running / 16) ** 0.2],
        40_000.0 + 5 * running,
    )
    return replace(found, step_us=step_us * np.exp(0.02 * rng.standard_normal(len(found))))


@pytest.fixture(scope="module")
def own(rows: ServingRows) -> OwnForms:
    """Their forms."""
    found = fit_own_forms(rows, fit, 0)  # type: ignore[arg-type]
    assert found is not None
    return found


def test_each_gets_the_form_of_its_law(own: OwnForms) -> None:
    forms = {name: one.form for name, one in own.by_configuration.items()}
    assert forms == {
        POOLED.configuration: "pooled",
        LINE.configuration: "line",
        BLACKBOX.configuration: "blackbox",
    }
    law = own.by_configuration[BLACKBOX.configuration]
    assert law.coefficients[0] == pytest.approx(40_000, rel=0.02)
    assert law.domain == ((1.0, 128.0), (1000.0, 1000.0), (1.0, 4.0))
    assert all(one.rows == 8 * REPEATS for one in own.by_configuration.values())


def test_all_errors_are_kept_and_those_of_the_choice_are_smaller(own: OwnForms) -> None:
    for one in own.by_configuration.values():
        assert set(one.errors) == {"pooled", "line", "blackbox"}
        assert one.errors[one.form] <= 1.1 * one.errors["pooled"]
    assert own.errors["own"].median < 0.03 < own.errors["pooled"].median
    assert 0.01 < own.by_configuration[POOLED.configuration].log_error < 0.05
    assert set(own.log_quantiles) == {"50", "80", "90", "95"}


def test_no_blackbox_of_rows_that_cannot_tell_its_coefficients(rows: ServingRows) -> None:
    """All requests bring two tokens of prompts a step."""
    alike = replace(rows, steps=replace(rows.steps, prefill_tokens=2 * rows.steps.running))
    found = fit_own_forms(alike, fit, 0)  # type: ignore[arg-type]
    assert found is not None
    one = found.by_configuration[BLACKBOX.configuration]
    assert one.form == "line"
    assert set(one.errors) == {"pooled", "line"}


def test_the_order_of_the_rows_changes_nothing(rows: ServingRows, own: OwnForms) -> None:
    mixed = rows.taken(np.random.default_rng(1).permutation(len(rows)))
    found = fit_own_forms(mixed, fit, 0)  # type: ignore[arg-type]
    assert found is not None
    assert {n: one.form for n, one in found.by_configuration.items()} == {
        n: one.form for n, one in own.by_configuration.items()
    }
    assert found.errors["own"].median == pytest.approx(own.errors["own"].median)


def test_a_version_that_differs_has_a_form_of_its_own(rows: ServingRows) -> None:
    """The same rows twice: by a second version that takes 1.3 times as long."""
    twice = rows.taken(np.tile(np.arange(len(rows)), 2))
    version = np.repeat(["1", "2"], len(rows))
    slower = np.where(version == "2", 1.3, 1.0)
    both = replace(twice, version=version, step_us=slower * twice.step_us)
    found = fit_own_forms(both, fit, 0)  # type: ignore[arg-type]
    assert found is not None
    assert f"{LINE.configuration} | 2" in found.by_configuration
    assert f"{POOLED.configuration} | 2" in found.by_configuration
    assert found.errors["own"].median < 0.03


def test_fewer_than_eight_rows_have_none(rows: ServingRows) -> None:
    assert fit_own_forms(rows.taken(np.arange(7)), fit, 0) is None  # type: ignore[arg-type]
