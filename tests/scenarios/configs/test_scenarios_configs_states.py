"""Layers with a state: weights, FLOPs and bytes written out for each kind."""

from pathlib import Path
from typing import Any

import pytest

from moeprof.scenarios.configs.model_config import ModelConfig
from moeprof.scenarios.configs.states import state_layers
from moeprof.store.errors import BadInput
from moeprof.store.serving.whole_model import StateLayers
from moeprof.tests.scenarios.configs.published_sizes import (
    FALCON_H1,
    GRANITE_4_H_SMALL,
    JAMBA,
    KIMI_LINEAR,
    LFM2_1_2B,
    MINIMAX_01,
    NEMOTRON_3_NANO,
    QWEN3_NEXT,
)


def counted(section: dict[str, Any], kind: str, layers: int = 1) -> StateLayers | None:
    """The layers of a kind in a file with these keys."""
    hidden = section["hidden_size"]
    return state_layers(ModelConfig(Path("config.json"), section), hidden, [kind] * layers)


def test_a_gated_delta_net() -> None:
    """16 heads of keys and 32 of values, each of 128, with states in bf16."""
    keys, values, hidden = 16 * 128, 32 * 128, 2048
    weights = hidden * (2 * keys + 2 * values + 2 * 32) + values * hidden + (2 * keys + values) * 4
    state, convolved = 32 * 128 * 128, 2 * keys + values
    assert counted(QWEN3_NEXT[0], "linear_attention", 36) == StateLayers(
        "gated delta net", 36, weights, 7 * state + 2 * convolved * 4, 2 * state + convolved * 3 * 2
    )


def test_kimi_delta_attention_keeps_its_state_in_float32() -> None:
    width, hidden = 32 * 128, 2304
    gates = 2 * (hidden * 128 + 128 * width)
    weights = 4 * hidden * width + gates + hidden * 32 + 3 * width * 4
    state = 32 * 128 * 128
    assert counted(KIMI_LINEAR[0], "linear_attention", 21) == StateLayers(
        "Kimi delta attention", 21, weights, 7 * state + 2 * 3 * width * 4,
        4 * state + 3 * width * 3 * 2,
    )  # fmt: skip


def test_lightning_attention_has_queries_keys_values_gate_and_output() -> None:
    state = 32 * 128 * 128
    assert counted(MINIMAX_01[0], "linear_attention", 16) == StateLayers(
        "lightning attention", 16, 5 * 4096 * 4096, 5 * state, 2 * state
    )


def test_mamba_2_in_the_type_that_the_file_states() -> None:
    """Nemotron 3 Nano: 64 heads of 64, states of 128 values in float32."""
    width, convolved, hidden = 64 * 64, 64 * 64 + 2 * 8 * 128, 2688
    weights = hidden * (width + convolved + 64) + width * hidden + convolved * 4
    state = width * 128
    assert counted(NEMOTRON_3_NANO[0], "mamba", 23) == StateLayers(
        "mamba 2", 23, weights, 5 * state + 2 * convolved * 4, 4 * state + convolved * 3 * 2
    )


@pytest.mark.parametrize(
    ("section", "kind", "width"),
    [
        (GRANITE_4_H_SMALL[0], "mamba", 128 * 64),
        (FALCON_H1[0], "hybrid", 1024),  # as mamba_d_ssm says
        (GRANITE_4_H_SMALL[0] | {"mamba_d_head": "auto"}, "mamba", 2 * 4096),  # Bamba
    ],
)
def test_mamba_2_is_as_wide_as_its_heads(section: dict[str, Any], kind: str, width: int) -> None:
    found = counted(section, kind)
    assert found is not None
    values, hidden = section["mamba_d_state"], 4096
    convolved = width + 2 * values
    assert found.parameters == hidden * (width + convolved + 128) + width * hidden + convolved * 4
    assert found.state_bytes == 2 * width * values + convolved * 3 * 2


def test_mamba_1_has_a_step_of_its_own_for_each_channel() -> None:
    width, hidden = 2 * 4096, 4096
    weights = 2 * hidden * width + width * (256 + 2 * 16) + 256 * width + width * hidden
    state = width * 16
    assert counted(JAMBA[0], "mamba", 28) == StateLayers(
        "mamba 1", 28, weights + width * 4, 5 * state + 2 * width * 4, 2 * state + width * 3 * 2
    )


def test_a_short_convolution_keeps_the_last_tokens() -> None:
    assert counted(LFM2_1_2B[0], "conv", 10) == StateLayers(
        "short convolution", 10, 4 * 2048 * 2048 + 2048 * 3, 2 * 2048 * 3, 2048 * 2 * 2
    )


def test_attention_alone_has_no_state() -> None:
    assert counted(QWEN3_NEXT[0], "full_attention", 4) is None


@pytest.mark.parametrize(
    ("section", "named"),
    [
        ({"hidden_size": 64, "model_type": "ling"}, "ling"),
        (QWEN3_NEXT[0] | {"linear_key_head_dim": None}, "linear_key_head_dim"),
        (QWEN3_NEXT[0] | {"linear_num_value_heads": 2.5}, "2.5"),
    ],
)
def test_what_is_not_counted_is_refused_by_name(section: dict[str, Any], named: str) -> None:
    with pytest.raises(BadInput, match=named):
        counted(section, "linear_attention")
