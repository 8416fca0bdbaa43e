"""Three coefficients are found, where rows tell them apart."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.steptime.fit.blackbox import fit_blackbox, tell_coefficients
from moeprof.tests.costmodel.steptime.whole_models import rows_of, served


def test_a_line_in_batch_and_prefill_is_found() -> None:
    rows = rows_of(served())
    rows = replace(rows, step_us=3000 + 20 * rows.steps.running + 2 * rows.steps.prefill_tokens)
    assert fit_blackbox(rows)(rows) == pytest.approx(rows.step_us)


def test_rows_tell_coefficients_of_terms_that_vary_apart() -> None:
    """Not where prefill goes with the requests, nor requests that are always as many."""
    rows = replace(rows_of(served()), step_us=np.full(8, 5000.0))

    def told(running: list[float], prefill: list[float]) -> bool:
        steps = replace(rows.steps, running=np.asarray(running), prefill_tokens=np.asarray(prefill))
        return tell_coefficients(replace(rows, steps=steps))

    grows = [2.0**at for at in range(8)]
    assert told(grows, [9.0, 1.0] * 4)
    assert told(grows, [0.0] * 8)
    assert not told(grows, [2 * one for one in grows])
    assert not told([4.0] * 8, grows)
