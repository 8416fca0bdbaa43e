"""Curves and surfaces share one record, flat in the file."""

from dataclasses import fields
from typing import Any

import pytest

from moeprof.store.cost_model import (
    CurveModel,
    FitError,
    FittedOp,
    SurfaceModel,
)
from moeprof.store.document import MAX_LOG_RATIO

SHARED = {field.name for field in fields(FittedOp)}


@pytest.mark.parametrize(
    ("cls", "own"),
    [
        (CurveModel, {"curve", "active_experts", "domain", "fit", "gap_us", "energy_tokens"}),
        (SurfaceModel, {"surface", "knots_experts", "coefficients_us", "energy_knots"}),
    ],
)
def test_each_has_the_shared_fields_and_its_own(cls: type[Any], own: set[str]) -> None:
    names = {field.name for field in fields(cls)}
    assert names >= SHARED
    assert names - SHARED >= own


@pytest.mark.parametrize(
    ("p95", "log_ratio"), [(None, None), (0.1, 0.1), (float(2**63), MAX_LOG_RATIO)]
)
def test_an_error_beyond_every_ratio_widens_an_interval_and_overflows_nothing(
    p95: float | None, log_ratio: float | None
) -> None:
    assert FitError(None, p95, 3).log_ratio == log_ratio
