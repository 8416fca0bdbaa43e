"""Which layers have experts: each family's rule against the layers that its model code gives."""

from pathlib import Path
from typing import Any

import pytest

from moeprof.scenarios.configs.layers import layers_with_experts
from moeprof.scenarios.configs.model_config import ModelConfig
from moeprof.store.errors import BadInput


def _said(section: dict[str, Any]) -> str | None:
    return layers_with_experts(ModelConfig(Path("config.json"), section))


@pytest.mark.parametrize(
    ("rules", "layers", "count"),
    [
        ({"first_k_dense_replace": 3, "moe_layer_freq": 1}, 61, 58),  # DeepSeek-V3
        ({"num_dense_layers": 2}, 32, 30),  # AFMoE
        ({"moe_layer_num_skipped": 1}, 32, 31),  # Hunyuan
        ({"moe_layer_freq": [0, 1, 1]}, 3, 2),  # MiMo
        ({"moe_layer_frequency": 2}, 35, 17),  # Arctic
        ({"decoder_sparse_step": 1, "mlp_only_layers": [0, 3]}, 24, 22),  # Qwen2-MoE
        ({"interleave_moe_layer_step": 2}, 48, 24),  # Llama 4 Maverick
        ({"moe_layers": [1, 3]}, 4, 2),
        ({"moe_layers_enum": "4,5,6"}, 61, 3),  # Step3
        (
            {"moe_layer_start_index": 1, "moe_layer_end_index": 27, "moe_layer_interval": 1},
            28,
            27,
        ),  # ERNIE 4.5
        ({"moe_layer_start_index": 1, "moe_layer_end_index": -1}, 28, 27),
        ({"mlp_layer_types": ["dense", "sparse"]}, 2, 1),  # GLM
        ({"hybrid_override_pattern": "MEM*E"}, 5, 2),  # Nemotron-H
        ({"expert_layer_period": 2, "expert_layer_offset": 1}, 32, 16),  # Jamba
    ],
)
def test_the_layers_are_those_of_the_family(rules: dict[str, Any], layers: int, count: int) -> None:
    said = _said(rules | {"num_hidden_layers": layers})
    assert said is not None
    assert said.startswith(f"{count} of {layers} layers have experts")


@pytest.mark.parametrize(
    "section",
    [
        {},
        {"num_hidden_layers": 4},
        {"first_k_dense_replace": 1},
        {"first_k_dense_replace": "one", "num_hidden_layers": 4},
        {"decoder_sparse_step": 0, "num_hidden_layers": 4},
        {"mlp_layer_types": ["sparse"], "num_hidden_layers": 4},
        {"moe_layer_freq": {}, "num_hidden_layers": 4},
    ],
)
def test_without_a_rule_that_can_be_read_nothing_is_said(section: dict[str, Any]) -> None:
    assert _said(section) is None


def test_rules_that_leave_no_layer_are_refused() -> None:
    with pytest.raises(BadInput, match=r"none of 4 layers .*: moe_layer_freq 8, moe_layers"):
        _said({"moe_layer_freq": 8, "moe_layers": [1], "num_hidden_layers": 4})
