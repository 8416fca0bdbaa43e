"""Three coefficients are found, per configuration where it has rows."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.steptime.fit.blackbox import fit_blackbox, fit_each
from moeprof.tests.costmodel.steptime.whole_models import many_deployments, rows_of

ONE, TWO, OTHER = many_deployments()[:3]


def test_a_line_in_batch_and_prefill_is_found() -> None:
    rows = rows_of(ONE)
    rows = replace(rows, step_us=3000 + 20 * rows.steps.running + 2 * rows.steps.prefill_tokens)
    assert fit_blackbox(rows)(rows) == pytest.approx(rows.step_us)


def test_each_configuration_has_its_own_and_others_that_of_all() -> None:
    rows = rows_of(ONE, TWO)
    rows = replace(rows, step_us=np.where(rows.which == 0, 3000.0, 9000.0))
    predict = fit_each(rows)
    assert predict(rows) == pytest.approx(rows.step_us)
    assert predict(rows_of(OTHER)) == pytest.approx(fit_blackbox(rows)(rows_of(OTHER)))
