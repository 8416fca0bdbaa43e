"""Every term of every form is in one part."""

import pytest

from moeprof.costmodel.steptime.blackbox import blackbox_columns
from moeprof.costmodel.steptime.prediction.asked_rows import as_rows
from moeprof.costmodel.steptime.prediction.parts import PARTS
from moeprof.costmodel.steptime.prediction.predict import predict_steps
from moeprof.costmodel.steptime.rows.serving_rows import columns_of
from moeprof.costmodel.steptime.srfa.features import srfa_columns
from moeprof.tests.costmodel.steptime.prediction.sixteen import file_of_sixteen
from moeprof.tests.costmodel.steptime.whole_models import mixed_steps, served

STEPS = mixed_steps([1.0, 4.0, 8.0])


def test_every_column_is_in_one_part_and_parts_add_up() -> None:
    names = [name for part in PARTS.values() for name in part]
    rows = as_rows(served(), STEPS)
    forms = [columns_of(rows), srfa_columns(rows), blackbox_columns(rows)]
    assert sorted(names) == sorted(name for form in forms for name in form)
    found = predict_steps(file_of_sixteen(), served(), STEPS)
    assert sum(found.parts_us.values()) == pytest.approx(found.step_us)
    assert found.parts_us["experts"].tolist() == [0, 0, 0]
