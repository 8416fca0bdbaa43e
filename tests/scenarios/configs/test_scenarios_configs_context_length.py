"""The longest request, from every key and kind of scaled positions that files have."""

from pathlib import Path
from typing import Any

import pytest

from moeprof.scenarios.configs.context_length import max_context_tokens
from moeprof.scenarios.configs.model_config import ModelConfig


@pytest.mark.parametrize(
    ("section", "tokens"),
    [
        ({"max_position_embeddings": 8192}, 8192),  # Llama 3
        ({"n_positions": 1024}, 1024),  # GPT-2
        ({"max_position_embeddings": 8192, "seq_length": 4096}, 4096),  # the smaller one counts
        ({"max_position_embeddings": 8192, "model_max_length": 131072}, 131072),  # Command R
        ({}, None),
        ({"max_position_embeddings": None}, None),
        ({"max_position_embeddings": True}, None),
        ({"max_position_embeddings": -1}, None),
        (
            {"max_position_embeddings": 163840, "rope_scaling": {
                "type": "yarn", "factor": 40, "original_max_position_embeddings": 4096}},
            163840,
        ),  # DeepSeek-V3
        (
            {"max_position_embeddings": 32768, "rope_scaling": {"type": "yarn", "factor": 4.0}},
            131072,
        ),  # Qwen2.5
        (
            {"max_position_embeddings": 131072, "rope_scaling": {
                "rope_type": "llama3", "factor": 8.0, "original_max_position_embeddings": 8192}},
            131072,
        ),  # Llama 3.1
        (
            {"max_position_embeddings": 131072, "rope_scaling": {"type": "longrope"}}, 131072,
        ),  # Phi-3
        ({"max_position_embeddings": 4096, "rope_scaling": {"type": "linear", "factor": 4}}, 16384),
        (
            {"max_position_embeddings": 131072, "model_type": "gemma3_text",
             "rope_scaling": {"rope_type": "linear", "factor": 8.0}},
            131072,
        ),
        (
            {"max_position_embeddings": 65536, "rope_parameters": {
                "full_attention": {"rope_type": "yarn", "factor": 8.0,
                                   "original_max_position_embeddings": 8192},
                "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}}},
            65536,
        ),  # OLMo 3, by kind of layer
        ({"max_position_embeddings": 4096, "rope_scaling": {"type": "linear", "factor": "4"}},
         4096),
    ],
)  # fmt: skip
def test_the_longest_request_is_that_of_engines(
    section: dict[str, Any], tokens: int | None
) -> None:
    assert max_context_tokens(ModelConfig(Path("config.json"), section)) == tokens
