"""Intervals: of a known configuration by its own errors, of others by those of what is unseen."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.steptime.intervals import (
    ends,
    energy_factors,
    energy_factors_for,
    factors_for,
    not_below_floor,
    step_factors,
    untold_of,
)
from moeprof.costmodel.steptime.prediction.asked_rows import as_rows
from moeprof.costmodel.steptime.roofline import weights_us
from moeprof.store.serving.kernel_fit import Blend, FormError
from moeprof.store.serving.own_forms import OwnForm, OwnForms
from moeprof.store.serving.step_time_model import (
    EnergyScore,
    OwnSpread,
    PowerShares,
    StepFit,
)
from moeprof.tests.costmodel.steptime.whole_models import (
    MIXTRAL_8X7B,
    decode_steps,
    served,
)

UNSEEN = {"model": {"90": 9.0}, "GPU": {"90": 8.0}, "engine": {"90": 1.0}}
FIT = StepFit(
    method="blackbox", physics=None, srfa=None, blackbox={}, baseline={}, units={},
    only_as_sum=(), hyperparameters={}, scores={}, models=("llama-3-8b",), gpus=("H100", "H200"),
    engines=("vllm",), domain={}, factors={"50": 1.1, "90": 1.5}, spread=OwnSpread((), 0.01),
    rows=64, configurations=16, unseen_factors=UNSEEN,
)  # fmt: skip
NO_ERROR = EnergyScore(0.0, 0.0, 0.0, {"90": 1.2}, {"GPU": {"90": 3.0}, "model": {"90": 1.1}})
POWER = PowerShares({}, {"H100": {}}, 0.5, {}, NO_ERROR, NO_ERROR, rows=64)
OTHER = replace(served().model, name="another")


def test_what_no_row_had_has_the_widest_interval_of_its_kinds() -> None:
    both = served(OTHER, "L40S", engine="new")
    assert factors_for(FIT, served()) == FIT.factors
    assert factors_for(FIT, replace(served(), model=OTHER)) == {"50": 1.1, "90": 9}
    assert factors_for(FIT, served(gpu="L40S"))["90"] == 8
    assert factors_for(FIT, replace(served(), engine="new")) == FIT.factors
    assert factors_for(FIT, both)["90"] == 9


def test_a_kind_that_rows_are_too_few_to_tell_has_the_widest_factor_and_is_named() -> None:
    few = replace(FIT, unseen_factors={"model": {"50": 1.3, "90": 9.0}, "GPU": {"90": 8.0}})
    new = replace(served(), engine="new")
    assert factors_for(few, new) == {"50": 1.3, "90": 9.0}
    assert untold_of(few, new) == ("engine",)
    assert untold_of(few, served(OTHER, "L40S")) == ()
    assert factors_for(replace(few, unseen_factors={}), new) == FIT.factors


def test_a_precision_that_no_row_has_is_wider_where_the_file_names_precisions() -> None:
    known = replace(
        FIT, precisions=("bf16 of a dense model",), unseen_factors={"precision": {"90": 2.0}}
    )
    assert factors_for(known, served())["90"] == 1.5
    assert factors_for(known, served(precision="int4"))["90"] == 2.0
    assert factors_for(replace(known, precisions=()), served(precision="int4"))["90"] == 1.5


def test_a_blend_with_kernels_knows_its_model() -> None:
    blend = Blend(0.5, {}, {"90": 2.0})
    assert factors_for(FIT, replace(served(), model=OTHER), blend) == {"90": 2.0}
    assert factors_for(FIT, served(OTHER, "L40S"), blend)["90"] == 8


def test_energy_is_wider_where_no_row_tells_the_power_of_the_gpu() -> None:
    assert energy_factors_for(POWER, FIT, served()) == {"90": 1.2}
    assert energy_factors_for(POWER, FIT, served(gpu="H200")) == {"90": 3.0}
    assert energy_factors_for(POWER, FIT, replace(served(), model=OTHER)) == {"90": 1.2}


def known(fit: StepFit, log_error: float = 0.05) -> StepFit:
    """The fit, with errors of 5 % of one configuration's own rows of 2 to 8 requests."""
    one = OwnForm(
        form="pooled",
        coefficients=(),
        domain=((2.0, 8.0), (500.0, 1500.0), (0.0, 0.0)),
        errors={},
        log_error=log_error,
        rows=9,
    )
    own = OwnForms({served().configuration: one}, {"90": 2.0}, {"own": FormError(0.1, 0.2)})
    return replace(fit, own=own)


BATCHES = decode_steps([1.0, 2.0, 8.0, 9.0])


def test_a_known_configuration_has_its_own_factor_in_the_range_of_its_rows() -> None:
    fit, rows = known(FIT), as_rows(served(), BATCHES)
    assert step_factors(fit, rows) == pytest.approx([1.5, np.exp(0.1), np.exp(0.1), 1.5])
    other = as_rows(served(precision="fp8"), BATCHES)
    assert step_factors(fit, other) == pytest.approx([1.5] * 4)
    blended = step_factors(fit, rows, Blend(0.5, {}, {"90": 3.0}))
    assert blended == pytest.approx([3.0] * 4)
    assert step_factors(replace(fit, factors={}), rows) is None


def test_no_step_is_surer_beyond_the_rows_of_its_configuration_than_within() -> None:
    fit = known(FIT, log_error=0.4)
    assert step_factors(fit, as_rows(served(), BATCHES)) == pytest.approx([np.exp(0.8)] * 4)


def test_errors_of_too_few_own_rows_leave_the_interval_of_an_unknown_configuration() -> None:
    fit = known(FIT)
    assert fit.own is not None
    few = replace(fit, own=replace(fit.own, log_quantiles={"50": 0.9}))
    assert step_factors(few, as_rows(served(), BATCHES)) == pytest.approx([1.5] * 4)


def test_energy_of_a_known_configuration_is_surer_by_the_variance_of_its_step() -> None:
    """Of J/token within 1.6 and power within 1.3, of steps within 1.5 and here within 1.105."""
    rows = as_rows(served(), BATCHES)
    power, energy = (EnergyScore(0.1, 0.3, 0.0, {"90": one}) for one in (1.2, 1.6))
    shares = PowerShares({}, {"H100": {}}, 0.5, {}, power, energy, rows=64)
    own = np.sqrt(np.log(1.6) ** 2 + 0.1**2 - np.log(1.5) ** 2)
    assert np.exp(own) > 1.2
    expected = [1.6, np.exp(own), np.exp(own), 1.6]
    factors = step_factors(known(FIT), rows)
    assert energy_factors(shares, FIT, rows, factors) == pytest.approx(expected)
    unsure = replace(shares, at_measured_step=replace(power, factors={"90": 1.4}))
    expected = [1.6, 1.4, 1.4, 1.6]
    assert energy_factors(unsure, FIT, rows, factors) == pytest.approx(expected)
    assert energy_factors(shares, FIT, rows, np.full(4, 1.5)) == pytest.approx([1.6] * 4)
    assert energy_factors(shares, FIT, rows, None) is None
    nothing = replace(shares, j_per_token=replace(energy, factors={}))
    assert energy_factors(nothing, FIT, rows, factors) is None


def test_the_low_end_is_no_shorter_than_reading_the_weights_of_one_token() -> None:
    """Two of eight experts of each layer for one token."""
    floor_us = float(weights_us(served(MIXTRAL_8X7B), np.full(1, 2.0))[0])
    step_us = np.asarray([0.5, 2.0, 4.0]) * floor_us
    low_us = not_below_floor(0.4 * step_us, step_us, served(MIXTRAL_8X7B))
    assert low_us == pytest.approx([0.5 * floor_us, floor_us, 1.6 * floor_us])
    assert not_below_floor(None, step_us, served(MIXTRAL_8X7B)) is None


def test_ends_are_unknown_without_a_factor() -> None:
    assert ends(np.ones(1), None) == ends(None, np.ones(1)) == (None, None)
    low, high = ends(np.ones(1), np.full(1, 2.0))
    assert low == pytest.approx([0.5])
    assert high == pytest.approx([2.0])
