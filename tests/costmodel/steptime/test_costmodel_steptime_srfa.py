"""SRFA's terms add up to its law."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.steptime.features.deployment import Split
from moeprof.costmodel.steptime.rows.serving_rows import columns_of
from moeprof.costmodel.steptime.srfa import COMPUTED, FIXED, MOE, Srfa, softplus, srfa_columns
from moeprof.tests.costmodel.steptime.whole_models import (
    DEEPSEEK_V3,
    LLAMA_3_8B,
    decode_steps,
    many_deployments,
    rows_of,
    served,
)

ROWS = rows_of(*many_deployments(), sizes=3)


def test_softplus_is_positive_and_the_identity_above_20() -> None:
    values = softplus(np.asarray([-30.0, 0.0, 20.5, 500.0]))
    assert values == pytest.approx([np.exp(-30), np.log(2), 20.5, 500.0])


@pytest.mark.parametrize("beta", [0.5, -0.5])
def test_terms_add_up_to_the_law(beta: float) -> None:
    law = Srfa(dict.fromkeys(FIXED, 2.0), 1.5, dict.fromkeys(COMPUTED, beta))
    columns = srfa_columns(ROWS)
    fixed, computed = (
        np.sum([columns[name] for name in part], axis=0) for part in (FIXED, COMPUTED)
    )
    expected = 2 * fixed + 1.5 * columns[MOE] + softplus(beta * np.asarray(computed))
    assert sum(law.terms_us(ROWS).values()) == pytest.approx(expected)


def test_features_are_the_documented_ones_and_the_read_of_weights() -> None:
    assert (len(FIXED), len(COMPUTED)) == (4, 7 + 1)
    columns = srfa_columns(ROWS)
    assert tuple(columns) == (*FIXED, MOE, *COMPUTED)
    split = np.asarray([served.tp for served in ROWS.deployments])[ROWS.which]
    assert (columns["all_reduce_layers"][split == 1] == 0).all()
    assert (columns["mixed_batch"] <= 0.25).all()
    assert (columns["log_batch"] == np.log1p(ROWS.steps.running)).all()


def test_experts_are_charged_for_routing_and_dispatch_once() -> None:
    """16 requests of DeepSeek-V3: routers of 58 x 7168 x 256, and copies to four GPUs and back."""
    rows = rows_of(served(DEEPSEEK_V3, split=Split(tp=1, dp=4, ep=4)), sizes=1)
    rows = replace(rows, steps=decode_steps([16.0]))
    columns, physics = srfa_columns(rows), columns_of(rows)
    router_us = 2 * 16 * 58 * 7168 * 256 / 989.4e6 / 4
    dispatch_us = 2 * 58 * 4 * (16 / 4) * 7168 * 2 / 450e3
    assert columns[MOE][0] == pytest.approx(router_us + dispatch_us, rel=1e-3)
    computing = ("dense_flops", "expert_flops", "attention_flops")
    whole_us = sum(physics[name][0] for name in computing)
    assert columns["decode_time"][0] == pytest.approx(whole_us - router_us, rel=1e-3)


def test_dense_models_have_no_experts_to_charge() -> None:
    columns = srfa_columns(rows_of(served(LLAMA_3_8B, split=Split(tp=2))))
    assert not columns[MOE].any()
    assert not columns["all_to_all_layers"].any()
