"""The median share of the TDP of a GPU's type predicts its power."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.steptime.power import TypicalPower, tdp_w
from moeprof.tests.costmodel.steptime.whole_models import many_deployments, rows_of


def test_a_type_draws_its_median_and_an_unknown_one_that_of_all() -> None:
    rows = rows_of(*many_deployments(), sizes=3)
    share = np.where(rows.gpu_names == "H100", 0.8, 0.5)
    typical = TypicalPower.of(replace(rows, power_w=share * tdp_w(rows)))
    assert typical.share == pytest.approx(0.5)
    known = TypicalPower(typical.share, {"H100": typical.by_gpu["H100"]})
    assert known.power_w(rows) == pytest.approx(share * tdp_w(rows))
