"""`moeprof scenario`: presets, and the preset of a published model."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from moeprof.tests.cli.command_line import Moeprof

PRESETS = [
    *("small", "mixtral-8x7b", "qwen3-30b-a3b", "deepseek-v3"),
    *("gpt-oss-120b", "glm-4.5-air", "kimi-k2", "llama-3.1-8b"),
]
CONFIG = {
    "model_type": "mixtral",
    "architectures": ["MixtralForCausalLM"],
    "hidden_size": 512,
    "intermediate_size": 1024,
    "num_local_experts": 4,
    "num_experts_per_tok": 2,
    "torch_dtype": "bfloat16",
}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(CONFIG))
    return path


def test_every_preset_is_listed_without_a_name(moeprof: Moeprof) -> None:
    result = moeprof("scenario")
    assert (result.exit_code, result.stderr) == (0, "")
    assert [line.split()[0] for line in result.stdout.splitlines()[2:]] == PRESETS


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_printed_as_toml(moeprof: Moeprof, name: str) -> None:
    result = moeprof("scenario", name)
    assert result.exit_code == 0
    assert tomllib.loads(result.stdout)["name"] == name


def test_the_config_of_a_model_becomes_a_preset_that_profile_takes(
    moeprof: Moeprof, tmp_path: Path, config: Path
) -> None:
    mine = tmp_path / "mine.toml"
    result = moeprof("scenario", "--from", config, "--out", mine)
    assert (result.exit_code, result.stdout) == (0, "")
    assert str(mine) in result.stderr
    preset = tomllib.loads(mine.read_text())
    sizes = [preset[key] for key in ("hidden", "ffn", "experts", "top_k")]
    assert sizes == [512, 1024, 4, 2]

    words = ("--scenario", mine, "--ops", "fc1", "--device", "cpu", "--dry-run", "--json")
    plan = moeprof("profile", *words).data["plan"]
    assert plan["preset"] == "mixtral"
    assert "512x1024" in plan["ops"][0]["curve"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("huge", "'huge'"),
        ("small --from config.json", "--from"),
        ("small --dense", "--dense"),
        ("--from config.json --dense", "has 4 experts"),
        ("--from nowhere.json", "nowhere.json"),
        ("--from nowhere.json --out mine.toml", "nowhere.json"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(
    moeprof: Moeprof, config: Path, monkeypatch: pytest.MonkeyPatch, words: str, says: str
) -> None:
    monkeypatch.chdir(config.parent)
    result = moeprof("scenario", *words.split())
    assert (result.exit_code, result.stdout) == (2, "")
    (sentence,) = result.errors
    assert says in sentence
    assert list(config.parent.iterdir()) == [config]


@pytest.mark.parametrize("content", ["a diary", "[]", "{}", '{"hidden_size": 8}'])
def test_a_file_that_is_no_config_is_bad_input(
    moeprof: Moeprof, config: Path, content: str
) -> None:
    config.write_text(content)
    result = moeprof("scenario", "--from", config)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.errors[0].startswith(str(config))


def test_a_full_disk_keeps_what_was_there(
    moeprof: Moeprof, fill_disk: Callable[..., None], tmp_path: Path
) -> None:
    out = tmp_path / "mine.toml"
    out.write_text("mine")
    fill_disk()
    result = moeprof("scenario", "small", "--out", out)
    assert result.exit_code == 2
    assert result.errors == [f"cannot write {out}: no space left on device"]
    assert out.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [out]
