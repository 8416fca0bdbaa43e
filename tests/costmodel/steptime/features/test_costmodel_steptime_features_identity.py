"""Models are one by their sizes, not by their names."""

from dataclasses import replace

import pytest

from moeprof.costmodel.steptime.features.identity import differing_sizes, same_model
from moeprof.store.serving.whole_model import StoredFormats, WholeModel
from moeprof.tests.costmodel.steptime.whole_models import (
    DEEPSEEK_V3,
    GEMMA_2_9B,
    LLAMA_3_8B,
    MIXTRAL_8X7B,
)

KNOWN = (LLAMA_3_8B, MIXTRAL_8X7B, DEEPSEEK_V3, GEMMA_2_9B)


@pytest.mark.parametrize("model", KNOWN)
def test_name_length_and_format_make_no_other_model(model: WholeModel) -> None:
    other = replace(
        model, name="own", max_context_tokens=8192, stored=StoredFormats("fp8", "fp8", "fp8")
    )
    assert same_model(other, KNOWN) is model


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"layers": 36, "full_layers": 36}, "layers 36 and 32"),
        ({"kv_heads": 32}, "values cached by a layer 8,192 and 2,048"),
        ({"intermediate_size": 17408}, "parameters of dense layers"),
        ({"vocabulary": 151_936}, "vocabulary 151,936 and 128,256"),
        ({"full_layers": 16, "window_tokens": 4096}, "window 4,096 and 0"),
        ({"sparse_tokens": 2048}, "tokens of sparse attention 2,048 and 0"),
    ],
)
def test_another_size_is_another_model(change: dict[str, int], said: str) -> None:
    other = replace(LLAMA_3_8B, **change)  # type: ignore[arg-type]
    assert same_model(other, KNOWN) is None
    assert any(said in one for one in differing_sizes(other, LLAMA_3_8B))


def test_of_two_of_the_same_sizes_the_name_decides_and_then_the_vocabulary() -> None:
    code = replace(LLAMA_3_8B, name="code-8b", vocabulary=128_272)
    known = (code, LLAMA_3_8B)
    assert same_model(replace(LLAMA_3_8B, name="Code-8B"), known) is code
    assert same_model(replace(LLAMA_3_8B, name="own"), known) is LLAMA_3_8B
