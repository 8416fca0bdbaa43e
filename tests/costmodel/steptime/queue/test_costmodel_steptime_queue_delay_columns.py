"""Columns of delays, against numbers worked out by hand; for one request and for many."""

import numpy as np
import pytest

from moeprof.costmodel.steptime.queue.delay_columns import (
    delivery_columns,
    queue_columns,
    threshold_name,
    token_columns,
)


def test_columns_of_the_queue() -> None:
    assert queue_columns(512.0, 3.0, 0.95, 2.0, (0.7, 0.9)) == {
        "requests": 1,
        "prompt_tokens": 512,
        "waiting": 3,
        "kv_above_0.7": pytest.approx(0.25),
        "kv_above_0.9": pytest.approx(0.05),
        "recent_preemptions": 2,
    }


@pytest.mark.parametrize(("kv_ratio", "above"), [(0.5, 0), (0.7, 0), (0.8, 0.1), (1.0, 0.3)])
def test_only_what_is_above_a_threshold_counts(kv_ratio: float, above: float) -> None:
    found = queue_columns(1.0, 0.0, kv_ratio, 0.0, (0.7,))
    assert found["kv_above_0.7"] == pytest.approx(above)


def test_columns_of_many_requests_are_those_of_each() -> None:
    prompts, ratios = np.asarray([10.0, 20.0]), np.asarray([0.5, 0.95])
    none = np.zeros(2)
    many = queue_columns(prompts, none, ratios, none, (0.7, 0.9))
    for at in range(2):
        one = queue_columns(float(prompts[at]), 0.0, float(ratios[at]), 0.0, (0.7, 0.9))
        assert {name: values[at] for name, values in many.items()} == pytest.approx(one)


def test_columns_of_a_token_and_of_its_delivery() -> None:
    assert token_columns(12.5) == {"tokens": 1, "kv_read": 12.5}
    assert delivery_columns(8.0) == {"tokens": 1, "running": 8}


def test_a_threshold_names_its_column() -> None:
    assert [threshold_name(at) for at in (0.7, 0.85)] == ["kv_above_0.7", "kv_above_0.85"]
