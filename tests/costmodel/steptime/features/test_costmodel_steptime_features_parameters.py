"""Parameters are those of the published checkpoints."""

import csv
from pathlib import Path

import pytest

from moeprof.costmodel.steptime.features.parameters import (
    attention_parameters,
    dense_parameters,
    expert_parameters,
    head_parameters,
    total_parameters,
)
from moeprof.costmodel.steptime.rows.models_table import read_models
from moeprof.store.serving.whole_model import WholeModel
from moeprof.tests.costmodel.steptime.whole_models import (
    DEEPSEEK_V3,
    GEMMA_2_9B,
    LLAMA_3_8B,
    MIXTRAL_8X7B,
)


# Parameters of the safetensors of the repositories on Hugging Face, without multi-token prediction.
@pytest.mark.parametrize(
    ("model", "published"),
    [
        (LLAMA_3_8B, 8_030_261_248),
        (MIXTRAL_8X7B, 46_702_792_704),
        (DEEPSEEK_V3, 671_026_419_200),
        (GEMMA_2_9B, 9_241_705_984),
    ],
)
def test_parameters_are_as_published(model: WholeModel, published: int) -> None:
    assert total_parameters(model) == pytest.approx(published, rel=1e-3)


def test_every_model_of_the_public_rows_has_its_published_parameters(sample_data: Path) -> None:
    path = sample_data / "serving" / "models.csv"
    models = read_models(path)
    with path.open() as lines:
        for row in csv.DictReader(lines):
            published = float(row["nominal_b"]) * 1e9
            assert total_parameters(models[row["model"]]) == pytest.approx(published, rel=5e-3)


def test_parts_of_a_dense_model_are_counted_by_hand() -> None:
    assert attention_parameters(LLAMA_3_8B) == 32 * 4096 * 128 * (32 + 8 + 8 + 32)
    assert dense_parameters(LLAMA_3_8B) == 32 * 3 * 4096 * 14336
    assert head_parameters(LLAMA_3_8B) == 128256 * 4096
    assert expert_parameters(LLAMA_3_8B) == 0


def test_a_router_is_used_by_every_token_and_an_expert_by_some() -> None:
    assert dense_parameters(MIXTRAL_8X7B) == 32 * 4096 * 8
    assert expert_parameters(MIXTRAL_8X7B) == 3 * 4096 * 14336


def test_latent_attention_has_its_five_projections() -> None:
    layer = (
        7168 * 1536  # queries, down
        + 1536 * 128 * (128 + 64)  # queries, up
        + 7168 * (512 + 64)  # keys and values, down, and the part with positions
        + 512 * 128 * (128 + 128)  # keys and values, up
        + 128 * 128 * 7168  # output
    )
    assert attention_parameters(DEEPSEEK_V3) == 61 * layer
    assert dense_parameters(DEEPSEEK_V3) == 3 * 3 * 7168 * 18432 + 58 * 7168 * (3 * 2048 + 256)
