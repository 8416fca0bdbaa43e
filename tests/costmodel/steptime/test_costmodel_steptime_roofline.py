"""A step is at least as long as reading or computing takes."""

import numpy as np

from moeprof.costmodel.steptime.roofline import decode_roofline_us, roofline_us, weights_us
from moeprof.costmodel.steptime.rows.serving_rows import columns_of
from moeprof.tests.costmodel.steptime.whole_models import LLAMA_3_8B, rows_of, served


def test_small_batches_read_and_large_ones_compute() -> None:
    rows = rows_of(served(), sizes=14)
    columns = columns_of(rows)
    whole, decode = roofline_us(columns), decode_roofline_us(columns)
    assert decode[0] == columns["dense_weights"][0] + columns["kv"][0]
    assert (whole >= decode).all()
    assert whole[-1] > columns["dense_weights"][-1] + columns["kv"][-1]


def test_the_floor_is_reading_the_weights_of_some_experts() -> None:
    served_ = served(LLAMA_3_8B)
    assert weights_us(served_, np.zeros(1)).tolist() == [7_504_658_432 * 2 / 3.35e6]
