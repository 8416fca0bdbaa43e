"""A reading of an operation in a file of a commit, as moeprof measures it."""

from pathlib import Path

import pytest

from moeprof.pipeline.revisions.own_scenario import Metric, command
from moeprof.pipeline.revisions.reading import Question, Unreadable, read

# `scale` is imported from the commit's own folder; more of it is more work.
OP = """
import torch
from scale import SCALE
from moeprof.scenarios.operation import Operation


def make_inputs(take, tokens, ffn):
    return (take((tokens * SCALE, ffn)),)


def run(x):
    return torch.relu(x)


SCALED = Operation(
    name="scaled",
    make_inputs=make_inputs,
    run=run,
    flops=lambda tokens, preset: tokens * preset.ffn,
    bytes_moved=lambda tokens, preset, dtype_bytes: tokens * preset.ffn * dtype_bytes,
    shape=("ffn",),
    imports=("from scale import SCALE",),
)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "my_op.py").write_text(OP)
    (tmp_path / "scale.py").write_text("SCALE = 64")
    return tmp_path


def question(op: str, metric: Metric) -> Question:
    return Question(command("my_op.py", op, 16, metric), None, None, 120.0)


def test_a_latency_is_one_number_in_us(folder: Path) -> None:
    assert 1.0 < read(folder, question("scaled", Metric.LATENCY)) < 1e6


def test_what_no_sensor_measures_here_makes_the_commit_unreadable(folder: Path) -> None:
    with pytest.raises(Unreadable, match="ended with"):
        read(folder, question("scaled", Metric.ENERGY))


def test_an_operation_that_the_file_lacks_is_named(folder: Path) -> None:
    with pytest.raises(Unreadable, match=r"my_op\.py has no operation other"):
        read(folder, question("other", Metric.LATENCY))
