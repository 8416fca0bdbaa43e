"""Presets as TOML."""

import json
import tomllib
from pathlib import Path

import pytest

from moeprof.pipeline.scenario import preset_from, preset_named, presets
from moeprof.store.errors import BadInput


def test_every_preset_can_be_had_by_its_name() -> None:
    for preset in presets():
        text = preset_named(preset.name)
        assert tomllib.loads(text.toml)["hidden"] == preset.hidden
        assert text.assumptions == ()


def test_a_published_models_preset_says_what_was_assumed(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    sizes = {"hidden_size": 64, "intermediate_size": 128}
    config.write_text(json.dumps(sizes | {"num_local_experts": 8, "num_experts_per_tok": 2}))
    text = preset_from(config)
    assert tomllib.loads(text.toml)["ffn"] == 128
    assert len(text.assumptions) == 1


def test_an_unknown_name_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(BadInput, match="'huge'") as caught:
        preset_named("huge")
    assert "small" in caught.value.hint
