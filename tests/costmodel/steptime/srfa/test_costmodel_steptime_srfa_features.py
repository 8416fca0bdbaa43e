"""Features of SRFA: the documented ones and the read of weights; experts are charged once."""

from dataclasses import replace
from math import comb

import numpy as np
import pytest

from moeprof.costmodel.steptime.features.deployment import Split
from moeprof.costmodel.steptime.rows.serving_rows import columns_of
from moeprof.costmodel.steptime.srfa.features import COMPUTED, FIXED, MOE, mixed_batch, srfa_columns
from moeprof.tests.costmodel.steptime.whole_models import (
    DEEPSEEK_V3,
    LLAMA_3_8B,
    decode_steps,
    many_deployments,
    rows_of,
    served,
)

ROWS = rows_of(*many_deployments(), sizes=3)


def test_features_are_the_documented_ones_and_the_read_of_weights() -> None:
    assert (len(FIXED), len(COMPUTED)) == (4, 7 + 1)
    columns = srfa_columns(ROWS)
    assert tuple(columns) == (*FIXED, MOE, *COMPUTED)
    split = np.asarray([served.tp for served in ROWS.deployments])[ROWS.which]
    assert (columns["all_reduce_layers"][split == 1] == 0).all()
    assert (columns["mixed_batch"] <= 0.25).all()
    assert (columns["log_batch"] == np.log1p(ROWS.steps.running)).all()


def test_experts_are_charged_for_routing_and_dispatch_once() -> None:
    """16 requests of DeepSeek-V3: routers of 58 x 7168 x 256, and copies to three GPUs and back."""
    rows = rows_of(served(DEEPSEEK_V3, split=Split(tp=1, dp=4, ep=4)), sizes=1)
    rows = replace(rows, steps=decode_steps([16.0]))
    columns, physics = srfa_columns(rows), columns_of(rows)
    router_us = 2 * 16 * 58 * 7168 * 256 / 989.4e6 / 4
    elsewhere = 1 - comb(192, 8) / comb(256, 8)  # one of 8 of 256 experts on a GPU with 64
    dispatch_us = 2 * 58 * 3 * elsewhere * (16 / 4) * 7168 * 2 / 450e3
    assert columns[MOE][0] == pytest.approx(router_us + dispatch_us, rel=1e-3)
    computing = ("dense_flops", "expert_flops", "attention_flops")
    whole_us = sum(physics[name][0] for name in computing)
    assert columns["decode_time"][0] == pytest.approx(whole_us - router_us, rel=1e-3)


def test_dense_models_have_no_experts_to_charge() -> None:
    columns = srfa_columns(rows_of(served(LLAMA_3_8B, split=Split(tp=2))))
    assert not columns[MOE].any()
    assert not columns["all_to_all_layers"].any()


def test_a_step_of_nothing_is_no_mixed_one() -> None:
    """Nothing runs and no prompt is computed: simulators ask for it."""
    found = mixed_batch(np.asarray([0.0, 0.0, 8.0, 8.0]), np.asarray([0.0, 64.0, 0.0, 24.0]))
    assert found.tolist() == [0.0, 0.0, 0.0, 0.75 * 0.25]
