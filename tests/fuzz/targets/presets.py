"""Sizes of a layer: a published model's config.json, and a preset in TOML."""

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path

from moeprof.scenarios.preset import load_preset, to_toml
from moeprof.tests.cli.command_line import Result
from moeprof.tests.fuzz.case import Target
from moeprof.tests.fuzz.mutations import json_fields, toml_fields

CONFIG = {
    "architectures": ["Qwen3MoeForCausalLM"],
    "model_type": "qwen3_moe",
    "torch_dtype": "bfloat16",
    "text_config": {
        "hidden_size": 2048,
        "intermediate_size": 6144,
        "moe_intermediate_size": 768,
        "num_experts": 128,
        "num_experts_per_tok": 8,
    },
}


def _config(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps(CONFIG))


def _sizes(folder: Path, results: Sequence[Result]) -> None:
    preset = tomllib.loads(results[0].stdout)
    assert (preset["hidden"], preset["ffn"], preset["experts"], preset["top_k"]) == (
        2048, 768, 128, 8,
    )  # fmt: skip


def _preset(folder: Path) -> None:
    (folder / "own.toml").write_text(to_toml(load_preset("small")))


def _planned(folder: Path, results: Sequence[Result]) -> None:
    assert "small" in results[0].stderr


TARGETS = (
    Target(
        name="config.json",
        make=_config,
        file="config.json",
        mutate=json_fields,
        commands=(("scenario", "--from", "@/config.json"),),
        intact=_sizes,
        share=9,
    ),
    Target(
        name="preset",
        make=_preset,
        file="own.toml",
        mutate=toml_fields,
        commands=(
            ("profile", "--scenario", "@/own.toml", "--dry-run", "--device", "cpu", "--no-power"),
        ),
        intact=_planned,
        read_share=0.02,
        share=3,
    ),
)
