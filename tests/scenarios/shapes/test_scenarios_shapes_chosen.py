"""The layers of a run: by names, widths, bits and ranks, each once."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from moeprof.scenarios.preset import load_preset, to_toml
from moeprof.scenarios.run_options import RunOptions
from moeprof.scenarios.shapes.chosen import chosen_layers, default_layer, same_sizes
from moeprof.store.errors import BadInput

SMALL = load_preset("small")


def _sizes(**options: Any) -> list[tuple[str, int, int, int]]:
    layers = chosen_layers(RunOptions(**options), "small")
    return [(one.name, one.hidden, one.ffn, one.weight_bits) for one in layers]


def test_without_options_it_is_the_preset_of_the_device() -> None:
    assert chosen_layers(RunOptions(), default_layer("cpu")) == (SMALL,)
    assert default_layer("cuda:1") == "mixtral-8x7b"


def test_several_presets_are_each_a_layer() -> None:
    assert _sizes(preset="deepseek-v3, qwen3-30b-a3b") == [
        ("deepseek-v3", 7168, 2048, 4), ("qwen3-30b-a3b", 2048, 768, 4),
    ]  # fmt: skip


def test_widths_and_bits_multiply() -> None:
    assert _sizes(hidden="256,512", weight_bits="4,16") == [
        ("small", 256, 1024, 4), ("small", 256, 1024, 16),
        ("small", 512, 1024, 4), ("small", 512, 1024, 16),
    ]  # fmt: skip


def test_formats_are_layers_of_their_own() -> None:
    layers = chosen_layers(RunOptions(weight_format="none, int4,fp8_block,mxfp4"), "small")
    found = [(one.weight_format, one.weight_bits, one.group_size) for one in layers]
    assert found == [(None, 16, 64), ("int4", 4, 64), ("fp8_block", 8, 128), ("mxfp4", 4, 32)]
    assert layers[3].source == "made up for CPUs; with weight_format mxfp4, group_size 32"


def test_bits_take_the_format_of_a_preset_away(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    own = replace(SMALL, weight_format="fp8_block", weight_bits=8, group_size=128)
    path.write_text(to_toml(own))
    (kept,) = chosen_layers(RunOptions(preset_file=path), "small")
    (taken,) = chosen_layers(RunOptions(preset_file=path, weight_bits="4"), "small")
    assert (kept.weight_format, taken.weight_format) == ("fp8_block", None)


def test_the_source_says_what_was_changed() -> None:
    (layer,) = chosen_layers(RunOptions(hidden="256", tensor_parallel=2), "small")
    assert layer.source == (
        "made up for CPUs; with hidden 256; one rank of tensor parallel 2, expert parallel 1"
    )


def test_the_same_sizes_are_one_layer() -> None:
    assert len(_sizes(preset="small,small", hidden="512,512,256")) == 2
    assert same_sizes(SMALL, replace(SMALL, name="other", source="elsewhere"))
    assert not same_sizes(SMALL, replace(SMALL, top_k=4))


def test_a_file_of_ones_own_is_changed_too(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(to_toml(replace(SMALL, name="own")))
    assert _sizes(preset_file=path, hidden="256") == [("own", 256, 1024, 4)]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"preset": "small,large"}, "no preset 'large'"),
        ({"preset": "small,mixtral-8x7b"}, "small is of float32 and mixtral-8x7b of bfloat16"),
        ({"hidden": "512;1024"}, "--hidden is '512;1024', and must be whole numbers by comma"),
        ({"hidden": "100"}, "small with hidden 100: hidden is 100, no multiple of group_size 64"),
        ({"weight_bits": "5"}, "weight_bits is 5, and the kernels know packed weights of 4 and 8"),
        ({"weight_format": "nvfp4"}, "--weight-format: there is no kernel for weights of 'nvfp4'"),
        ({"weight_format": "int4", "weight_bits": "4"}, "--weight-format were both given"),
        ({"weight_format": "fp8_block", "hidden": "192"}, "no multiple of group_size 128"),
        ({"tensor_parallel": 3}, "--tensor-parallel is 3, and heads 8 of small does not divide"),
        ({"expert_parallel": 3}, "--expert-parallel is 3, and experts 16 of small does not divide"),
    ],
)
def test_layers_that_cannot_be_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        chosen_layers(RunOptions(**options), "small")
