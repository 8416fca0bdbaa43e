"""`moeprof steptime read`: what was added, what is odd, what a fit leaves out."""

from pathlib import Path
from typing import Any

import pytest

from moeprof.store.serving.rows_table import ROWS_FILE
from moeprof.tests.cli.command_line import Moeprof
from moeprof.tests.parsers.results.result_files import written
from moeprof.tests.pipeline.steptime.published import config_file, served

STATED = ("--gpu", "H100", "--tp", "1", "--precision", "bf16", "--engine", "vllm")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the config.json of a model."""
    config_file(tmp_path)
    return tmp_path


def words(folder: Path, *results: Any) -> tuple[Any, ...]:
    """A command that reads results into rows/."""
    files = [written(folder / f"{at}.json", result) for at, result in enumerate(results)]
    config = folder / "Llama-3.1-8B" / "config.json"
    return ("steptime", "read", *files, "--out", folder / "rows", "--model", config)


def test_rows_are_added_and_added_once(moeprof: Moeprof, folder: Path) -> None:
    command = (*words(folder, served(8), served(16)), *STATED)
    first, again = moeprof(*command), moeprof(*command)
    assert (first.exit_code, again.exit_code) == (0, 0)
    assert f"rows added to {folder / 'rows'}: 2" in first.stderr
    assert "0, 2 in place of the same measurement" in again.stderr


def test_what_is_odd_refused_and_left_out_is_told(moeprof: Moeprof, folder: Path) -> None:
    odd = served(16, failed=4, completed=316)
    drafts = served(8, spec_decode_acceptance_length=2.5)
    chunks = served(32, median_itl_ms=900.0)
    result = moeprof(*words(folder, odd, drafts, chunks), *STATED)
    assert result.exit_code == 0
    for told in (
        "1 row: 4 of 320 requests failed",
        "1 row refused by a fit: speculative decoding",
        "1 value left out: inter-token latency that is no step",
    ):
        assert told in result.stderr


def test_what_is_lacking_is_asked_for_by_option(moeprof: Moeprof, folder: Path) -> None:
    result = moeprof(*words(folder, served(8)))
    assert result.exit_code == 2
    assert result.hint == "give --gpu --tp --precision --engine"
    assert not (folder / "rows").exists()


def test_times_in_seconds_leave_no_file_and_say_so(moeprof: Moeprof, folder: Path) -> None:
    result = moeprof(*words(folder, served(8, factor=1e-3), served(16, factor=1e-3)), *STATED)
    assert result.exit_code == 2
    assert "times look 1000 times too small: seconds as milliseconds" in result.stderr
    assert not (folder / "rows" / ROWS_FILE).exists()
