"""Rows get the folder's name of their model, by the published name or by --model."""

from pathlib import Path

import pytest

from moeprof.pipeline.steptime.model_names import NamedModels, named_models
from moeprof.scenarios.configs.whole_model import whole_model
from moeprof.store.errors import BadInput
from moeprof.tests.costmodel.steptime.whole_models import LLAMA_3_8B, MIXTRAL_8X7B
from moeprof.tests.pipeline.steptime.published import config_file

FILE = Path("r.json")
KNOWN = {model.name: model for model in (LLAMA_3_8B, MIXTRAL_8X7B)}


@pytest.mark.parametrize("published", ["llama-3-8b", "meta/Llama-3-8B", "/models/llama-3-8b/"])
def test_a_published_name_is_that_of_the_folder(published: str) -> None:
    found = named_models(FILE, [published, published], None, KNOWN)
    assert found.names[published] == "llama-3-8b"
    assert found.model is None


def test_of_several_models_those_that_are_known_are_named() -> None:
    found = named_models(FILE, ["llama-3-8b", "other"], None, KNOWN)
    assert (found.names["llama-3-8b"], found.names["other"]) == ("llama-3-8b", "other")


def test_a_config_gives_a_model_of_the_published_name(tmp_path: Path) -> None:
    config = config_file(tmp_path, "snapshot")
    found = named_models(FILE, ["meta/Llama-3.1-8B"], str(config), {})
    assert found.names == {"meta/Llama-3.1-8B": "Llama-3.1-8B"}
    assert found.model == whole_model(config, "Llama-3.1-8B")
    assert found.config == config
    silent = named_models(FILE, [None], str(config), {})
    assert silent.names == {None: "snapshot"}


def test_a_config_of_the_same_sizes_is_the_folders_model(tmp_path: Path) -> None:
    config = config_file(tmp_path)
    known = {"Llama-3.1-8B": whole_model(config)}
    found = named_models(FILE, [None], str(config), known)
    assert found == NamedModels({None: "Llama-3.1-8B"})


@pytest.mark.parametrize(
    ("published", "stated", "named"),
    [
        (["x"], None, "states the model x, and the folder has none of that name"),
        ([None], None, "states no model"),
        (["a", "b"], "llama-3-8b", "names 2 models, and --model is one: a, b"),
        (["mixtral-8x7b"], "llama-3-8b", "states the model mixtral-8x7b, and --model is llama-3"),
        (["x"], "gone.json", "--model gone.json is no config.json, and no model of the folder"),
    ],
)
def test_contradictions_are_refused_by_name(
    published: list[str | None], stated: str | None, named: str
) -> None:
    with pytest.raises(BadInput, match=named):
        named_models(FILE, published, stated, KNOWN)


def test_a_config_of_other_sizes_is_refused(tmp_path: Path) -> None:
    config = config_file(tmp_path, num_hidden_layers=16)
    with pytest.raises(BadInput, match="other sizes than the folder's model llama-3-8b"):
        named_models(FILE, ["llama-3-8b"], str(config), KNOWN)


@pytest.mark.parametrize(
    "name", ["a/Qwen3-14B", "llama-70b", "llama-3.2-1b-Instruct", "Mixtral-8x7B", "opt-1.3B-4bit"]
)
def test_a_config_of_another_size_than_the_published_name_tells_is_refused(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(BadInput, match=r"is one of 8\.03 billion parameters"):
        named_models(FILE, [name], str(config_file(tmp_path)), {})


def test_a_model_of_the_folder_of_another_size_than_the_published_name_tells_is_refused() -> None:
    with pytest.raises(BadInput, match=r"Llama-3-70B, and llama-3-8b is one of 8\.03 billion"):
        named_models(FILE, ["meta-llama/Meta-Llama-3-70B"], "llama-3-8b", KNOWN)


@pytest.mark.parametrize("name", ["meta-llama/Meta-Llama-3-8B", "my-finetune"])
def test_a_model_of_the_folder_is_taken_for_another_name_of_its_size(name: str) -> None:
    assert named_models(FILE, [name], "llama-3-8b", KNOWN).names == {name: "llama-3-8b"}


@pytest.mark.parametrize("name", ["my-8B", "llama-7b", "phi-mini", "a-4bit"])
def test_a_name_that_tells_about_this_size_or_none_is_taken(tmp_path: Path, name: str) -> None:
    assert named_models(FILE, [name], str(config_file(tmp_path)), {}).model is not None


def test_a_name_may_tell_the_parameters_that_one_token_uses(tmp_path: Path) -> None:
    """Of Mixtral's 46.7 billion, two of eight experts and the rest are 12.9."""
    config = config_file(
        tmp_path, model_type="mixtral", vocab_size=32000, num_local_experts=8, num_experts_per_tok=2
    )
    for name in ("Mixtral-8x7B", "Mixtral-13B-A13B"):
        assert named_models(FILE, [name], str(config), {}).model is not None
    with pytest.raises(BadInput, match=r"is one of 46\.7 billion"):
        named_models(FILE, ["Mixtral-3B"], str(config), {})
