"""Rows tell a mean step, one that decodes alone, or power."""

from dataclasses import replace

import numpy as np

from moeprof.costmodel.steptime.fit.targets import rows_telling, why_too_few
from moeprof.tests.costmodel.steptime.whole_models import many_deployments, rows_of

ROWS = rows_of(*many_deployments(), sizes=2)
EVEN = np.arange(len(ROWS)) % 2 == 0
ROWS = replace(
    ROWS,
    step_us=np.where(EVEN, 20_000.0, np.nan),
    decode_us=np.where(EVEN, np.nan, 15_000.0),
    power_w=np.where(np.arange(len(ROWS)) < 8, 400.0, np.nan),
)


def test_mean_steps_are_those_that_were_measured() -> None:
    assert rows_telling(ROWS, "mean").step_us.tolist() == [20_000] * 16


def test_a_step_that_decodes_alone_holds_no_prefill() -> None:
    alone = rows_telling(ROWS, "decode")
    assert alone.step_us.tolist() == [15_000] * 16
    assert not alone.steps.prefill_tokens.any()
    assert not alone.steps.prefill_share.any()
    assert (alone.steps.context_tokens == ROWS.steps.context_tokens[~EVEN]).all()


def test_mean_steps_stand_beside_those_that_decode_alone() -> None:
    beside = rows_telling(ROWS, "decode").beside
    assert beside is not None
    assert beside.mean.name.tolist() == rows_telling(ROWS, "mean").name.tolist()
    assert beside.whole.name.tolist() == rows_telling(ROWS, "decode").name.tolist()
    assert rows_telling(ROWS, "mean").beside is None


def test_power_needs_its_step() -> None:
    assert len(rows_telling(ROWS, "power")) == 4


def test_few_rows_or_configurations_are_told() -> None:
    assert why_too_few(ROWS, "mean") == ""
    few = ROWS.taken(np.arange(29))
    assert why_too_few(few, "power") == (
        "29 rows of 15 configurations are too few for a fit of power"
    )
    alike = ROWS.taken(np.zeros(40, dtype=np.intp))
    assert "40 rows of 1 configuration are" in why_too_few(alike, "decode")
