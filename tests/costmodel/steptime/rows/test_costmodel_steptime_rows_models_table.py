"""Sizes of models are read from a table, and tables that tell none are refused."""

from pathlib import Path

import pytest

from moeprof.costmodel.steptime.rows.models_table import read_models
from moeprof.store.errors import BadInput
from moeprof.tests.costmodel.steptime.public_folder import HEADER, MODELS
from moeprof.tests.costmodel.steptime.whole_models import DEEPSEEK_V3, LLAMA_3_8B, MIXTRAL_8X7B

DEEPSEEK = (
    "deepseek-v3,61,7168,128,128,128,18432,129280,256,8,2048,2048,3,1,1.0,0,3,0,0,0,"
    "512.0,1536.0,64.0,128.0,128.0\n"
)
LLAMA = MODELS.splitlines(keepends=True)[0]


def written(folder: Path, text: str) -> Path:
    """A models.csv of this text."""
    path = folder / "models.csv"
    path.write_text(text)
    return path


def test_models_are_read_with_their_experts_and_latent_attention(tmp_path: Path) -> None:
    models = read_models(written(tmp_path, HEADER + DEEPSEEK + MODELS))
    assert models == {one.name: one for one in (DEEPSEEK_V3, LLAMA_3_8B, MIXTRAL_8X7B)}


def test_a_table_that_a_spreadsheet_wrote_is_read(tmp_path: Path) -> None:
    """It begins with a byte order mark, and ends lines with two characters."""
    text = "\ufeff" + (HEADER + LLAMA).replace("\n", "\r\n")
    assert list(read_models(written(tmp_path, text))) == ["llama-3-8b"]


def test_a_model_may_be_there_twice_with_the_same_sizes(tmp_path: Path) -> None:
    assert list(read_models(written(tmp_path, HEADER + LLAMA + LLAMA))) == ["llama-3-8b"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "has no column model, L, d"),
        (HEADER, "holds no model"),
        (HEADER.replace(",", ";") + LLAMA.replace(",", ";"), "parted by commas"),
        (HEADER.replace(",vocab", ",words") + LLAMA, "has no column vocab, parted"),
        (HEADER + LLAMA.replace("4096", "many"), "line 2 is no model: could not convert"),
        (HEADER + "llama-3-8b,32\n", "line 2 is no model"),
        (HEADER + LLAMA + LLAMA.replace("4096", "8192"), "llama-3-8b is there twice"),
    ],
)
def test_a_table_that_tells_no_model_is_refused(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(BadInput, match=named) as refusal:
        read_models(written(tmp_path, text))
    assert "models.csv" in refusal.value.message
    assert refusal.value.hint
