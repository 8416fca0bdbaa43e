"""Journeys are added to those of the folder, each once."""

from dataclasses import replace
from pathlib import Path

import pytest

from moeprof.store.errors import BadInput
from moeprof.store.serving.journeys_table import (
    JOURNEYS_FILE,
    JourneyRow,
    append_journeys,
    read_journeys,
)

ROW = JourneyRow(
    name="a:1", engine_run="vllm", model="llama-3-8b", gpu="H100", precision="bf16", engine="vllm",
    engine_version="", tp=1, ep=1, dp=1, time_s=None, arrival_us=1.0, wait_us=2.0, token_us=None,
    delivery_us=None, prompt_tokens=10.0, context_tokens=20.0, waiting=0.0, running=1.0,
    kv_ratio=None, recent_preemptions=None,
)  # fmt: skip


def test_a_row_of_the_same_name_is_replaced(tmp_path: Path) -> None:
    append_journeys(tmp_path, [ROW, replace(ROW, name="a:2")])
    append_journeys(tmp_path, [replace(ROW, wait_us=7.0)])
    table = read_journeys(tmp_path / JOURNEYS_FILE)
    assert dict(zip(table["name"].to_pylist(), table["wait_us"].to_pylist(), strict=True)) == {
        "a:2": 2.0, "a:1": 7.0,
    }  # fmt: skip
    assert table["token_us"].to_pylist() == [None, None]


def test_another_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    (path := tmp_path / JOURNEYS_FILE).write_text("no table")
    with pytest.raises(BadInput, match="is no table of journeys"):
        append_journeys(tmp_path, [ROW])
    assert path.read_text() == "no table"


@pytest.mark.parametrize("odd", [{"wait_us": -1.0}, {"kv_ratio": float("nan")}, {"running": 1e300}])
def test_a_number_that_cannot_be_is_refused(odd: dict[str, float], tmp_path: Path) -> None:
    append_journeys(tmp_path, [replace(ROW, **odd)])  # type: ignore[arg-type]
    with pytest.raises(BadInput, match=f"{next(iter(odd))} of a row is no number from 0"):
        read_journeys(tmp_path / JOURNEYS_FILE)
