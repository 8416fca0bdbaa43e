"""Three coefficients are found."""

from dataclasses import replace

import pytest

from moeprof.costmodel.steptime.fit.blackbox import fit_blackbox
from moeprof.tests.costmodel.steptime.whole_models import rows_of, served


def test_a_line_in_batch_and_prefill_is_found() -> None:
    rows = rows_of(served())
    rows = replace(rows, step_us=3000 + 20 * rows.steps.running + 2 * rows.steps.prefill_tokens)
    assert fit_blackbox(rows)(rows) == pytest.approx(rows.step_us)
