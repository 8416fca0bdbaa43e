"""Columns beyond the rows of a fit are named, with how far they are."""

from dataclasses import replace

import numpy as np

from moeprof.costmodel.steptime.known.beyond import beyond_rows
from moeprof.tests.costmodel.steptime.known.one_fit import FIT


def test_what_is_beyond_is_told_for_each_step() -> None:
    fit = replace(FIT, domain={"kv": (100.0, 400.0), "logits": (0.0, 0.0)})
    columns = {"kv": np.asarray([50.0, 99.5, 400.0, 800.0]), "logits": np.asarray([0, 0, 0, 1.0])}
    assert beyond_rows(fit, columns) == ({"kv": 0.5}, {}, {}, {"kv": 2.0, "logits": None})
