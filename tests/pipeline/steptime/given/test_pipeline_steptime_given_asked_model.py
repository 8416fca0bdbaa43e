"""Which model and precision a prediction is asked for."""

from dataclasses import replace
from pathlib import Path

import pytest

from moeprof.pipeline.steptime.given.asked_model import (
    AskedPrecision,
    asked_model,
    asked_precision,
)
from moeprof.store.errors import BadInput
from moeprof.store.serving.whole_model import StoredFormats
from moeprof.tests.costmodel.steptime.whole_models import LLAMA_3_8B, MIXTRAL_8X7B
from moeprof.tests.pipeline.steptime.published import config_file

FILE = Path("m.json")
KNOWN = {model.name: model for model in (LLAMA_3_8B, MIXTRAL_8X7B)}


@pytest.mark.parametrize("words", ["llama-3-8b", "Llama-3-8B", "meta-llama/Llama-3-8B-hf"])
def test_a_model_is_asked_for_by_its_name_in_any_spelling(words: str) -> None:
    found = asked_model(words, KNOWN.values(), FILE)
    assert found.model == replace(LLAMA_3_8B, max_context_tokens=131_072)
    assert found.notes == ()


def test_a_config_of_a_known_name_and_other_sizes_is_another_model(tmp_path: Path) -> None:
    config = config_file(tmp_path, "Llama-3-8B", num_hidden_layers=36)
    for words in (config, config.parent):
        found = asked_model(str(words), KNOWN.values(), FILE)
        assert found.model.name == "Llama-3-8B (other sizes)"
        assert "layers 36 and 32" in found.notes[0]


def test_a_config_that_is_known_by_its_sizes_keeps_what_its_own_file_says(tmp_path: Path) -> None:
    fp8 = {"quant_method": "fp8"}
    config = config_file(tmp_path, "own", max_position_embeddings=8192, quantization_config=fp8)
    found = asked_model(str(config.parent), KNOWN.values(), FILE)
    stored = StoredFormats("fp8", "fp8", "fp8")
    assert found.model == replace(LLAMA_3_8B, max_context_tokens=8192, stored=stored)
    assert found.notes == ("own has the sizes of llama-3-8b, and counts as that",)


def test_neither_a_name_nor_a_file_is_refused(tmp_path: Path) -> None:
    for words in ("llama-9", str(tmp_path)):
        with pytest.raises(BadInput, match="no file has that name"):
            asked_model(words, KNOWN.values(), FILE)


def test_a_precision_that_is_not_given_is_that_of_the_models_own_file() -> None:
    fp8 = replace(LLAMA_3_8B, stored=StoredFormats("fp8", "fp8", "fp8"))
    assert asked_precision(None, LLAMA_3_8B) == AskedPrecision("bf16")
    assert asked_precision("fp8", LLAMA_3_8B) == AskedPrecision("fp8")
    assert asked_precision("FP8", fp8) == AskedPrecision("FP8")
    own, other = asked_precision(None, fp8), asked_precision("bf16", fp8)
    assert own == AskedPrecision("fp8", ("weights in fp8, as the model's own file says",))
    assert other.name == "bf16"
    assert other.notes == ("the model's own file says that its weights are in fp8: bf16 counts",)


def test_a_format_that_is_not_counted_is_refused_by_name() -> None:
    int8 = replace(LLAMA_3_8B, stored=StoredFormats("int8", "int8", "int8"))
    with pytest.raises(BadInput, match="weights are in int8, which is not counted") as refusal:
        asked_precision(None, int8)
    assert refusal.value.hint == "give the nearest --precision: fp8, of as many bits"
    assert asked_precision("bf16", int8).name == "bf16"
