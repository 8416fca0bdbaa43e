"""A reading of an operation in a file of a commit, as moeprof measures it."""

from pathlib import Path

import pytest

from moeprof.pipeline.measure import resolve
from moeprof.pipeline.revisions.own_scenario import Metric, command, main
from moeprof.pipeline.revisions.reading import Question, read
from moeprof.store.errors import CannotMeasure
from moeprof.tests.instant_scripts import instant_scripts

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


def test_a_latency_is_one_number_in_us(folder: Path) -> None:
    words = command("my_op.py", "scaled", 16, Metric.LATENCY)
    assert 1.0 < read(folder, Question(words, None, None, 120.0)) < 1e6


@pytest.mark.parametrize(
    ("op", "metric", "reason"),
    [
        ("relu", Metric.ENERGY, "switched off here"),
        ("other", Metric.LATENCY, "relu has no operation other"),
    ],
)
def test_what_is_not_measured_is_refused_with_its_reason(
    op: str,
    metric: Metric,
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuse(provenance: object) -> str:
        raise CannotMeasure("switched off here")

    monkeypatch.setattr(resolve, "check_sensors", refuse)
    with instant_scripts():
        code = main(["relu", op, "16", metric])
    assert code not in (0, 1)
    assert reason in capsys.readouterr().err
