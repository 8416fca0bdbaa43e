"""Every model of the public table has a length, and others have none."""

from pathlib import Path

import pytest

from moeprof.costmodel.steptime.engine.context_lengths import published_context_tokens
from moeprof.costmodel.steptime.rows.models_table import read_models


@pytest.mark.parametrize(
    ("model", "tokens"),
    [("llama-2-7b", 4096), ("deepseek-v3", 163_840), ("qwen3-8b", 40_960), ("glm-5", 202_752)],
)
def test_a_length_is_that_of_the_published_file(model: str, tokens: int) -> None:
    assert published_context_tokens(model) == tokens


def test_a_model_of_nobody_has_none() -> None:
    assert published_context_tokens("own-8b") is None


def test_a_window_is_not_longer_than_its_model(sample_data: Path) -> None:
    models = read_models(sample_data / "serving" / "models.csv")
    known = {name: published_context_tokens(name) for name in models}
    for name, tokens in known.items():
        assert tokens is None or tokens >= models[name].window_tokens
    assert sum(tokens is not None for tokens in known.values()) >= 35
