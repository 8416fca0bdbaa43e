"""`moeprof steptime read` and `fit` of traces: delays come back, steps that are none do not."""

import json
import shutil
from pathlib import Path

import pytest

from moeprof.store.document import read_document
from moeprof.store.serving.step_time_model import StepTimeFile
from moeprof.tests.cli.command_line import Moeprof
from moeprof.tests.costmodel.steptime.public_folder import public_folder
from moeprof.tests.parsers.serving.known_trace import (
    ARRIVAL_TOKEN_US,
    DELIVERY_US,
    TOKEN_US,
    WAITING_US,
    known_trace,
)

SERVED = ("--model", "llama-3-8b", "--gpu", "H100", "--precision", "bf16", "--tp", "1")


@pytest.mark.parametrize("stated_us", [None, 250.0], ids=["whole steps", "the scheduler alone"])
def test_delays_of_a_trace_come_back(
    moeprof: Moeprof, tmp_path: Path, stated_us: float | None
) -> None:
    trace = known_trace(tmp_path, stated_us=stated_us)
    folder = public_folder(tmp_path)
    read = moeprof("steptime", "read", trace, *SERVED, "--out", folder)
    assert read.exit_code == 0, read.stderr
    assert "requests whose delays were read: 200" in read.stderr
    fit = moeprof("steptime", "fit", folder, "--method", "physics", "--out", tmp_path / "m.json")
    assert fit.exit_code == 0, fit.stderr
    assert "200 requests of 1 run" in " ".join(fit.stdout.split())
    assert max(map(len, fit.stdout.splitlines())) <= 80
    queue = read_document(tmp_path / "m.json", StepTimeFile).queue
    assert queue is not None
    assert queue.wait is not None
    assert queue.wait.coefficients["waiting"] == pytest.approx(WAITING_US, rel=0.02)
    assert queue.arrival is not None
    found = queue.arrival.coefficients["prompt_tokens"]
    assert found == pytest.approx(ARRIVAL_TOKEN_US, rel=0.02)
    assert queue.token is not None
    assert queue.token.coefficients["tokens"] == pytest.approx(TOKEN_US, rel=0.02)
    assert queue.delivery is not None
    assert sum(queue.delivery.coefficients.values()) == pytest.approx(DELIVERY_US, rel=0.05)
    assert queue.wait.score is not None
    assert queue.wait.score.median < 0.05


def test_a_trace_of_one_deployment_gives_delays_alone(moeprof: Moeprof, tmp_path: Path) -> None:
    trace = known_trace(tmp_path)
    folder = tmp_path / "rows"
    folder.mkdir()
    shutil.copy(public_folder(tmp_path) / "models.csv", folder)
    assert moeprof("steptime", "read", trace, *SERVED, "--out", folder).exit_code == 0
    out = tmp_path / "m.json"
    fit = moeprof("steptime", "fit", folder, "--out", out)
    assert fit.exit_code == 0, fit.stderr
    assert "no fit of mean steps: 800 rows of 1 configuration are" in " ".join(fit.stderr.split())
    file = json.loads(out.read_text())
    assert file["steps"] == {}
    assert set(file["files"]) == {"serving_rows.parquet", "journeys.parquet", "models.csv"}


def test_the_same_folder_gives_the_same_bytes(moeprof: Moeprof, tmp_path: Path) -> None:
    folder = public_folder(tmp_path)
    trace = known_trace(tmp_path)
    for _ in range(2):  # the same requests are not counted twice
        assert moeprof("steptime", "read", trace, *SERVED, "--out", folder).exit_code == 0
    made = []
    for name in ("a.json", "b.json"):
        words = ("--method", "blackbox", "--out", tmp_path / name)
        assert moeprof("steptime", "fit", folder, *words).exit_code == 0
        made.append((tmp_path / name).read_bytes())
    assert made[0] == made[1]


@pytest.mark.parametrize("words", ["0.9,0.7", "1.5", "nan", "x"])
def test_thresholds_that_are_no_shares_are_refused(
    moeprof: Moeprof, tmp_path: Path, words: str
) -> None:
    folder = public_folder(tmp_path)
    result = moeprof(
        "steptime", "fit", folder, "--kv-thresholds", words, "--out", tmp_path / "m.json"
    )
    assert result.exit_code == 2
    assert "--kv-thresholds 0.7,0.9" in " ".join(result.stderr.split())
    assert not (tmp_path / "m.json").exists()


def test_steps_that_are_too_fast_end_in_a_refusal(moeprof: Moeprof, tmp_path: Path) -> None:
    """Sampled steps, timed by the scheduler alone: no two follow each other."""
    trace = known_trace(tmp_path, stated_us=250.0)
    documents = [json.loads(line) for line in trace.read_text().splitlines()]
    for one in documents:
        for span in one["resourceSpans"][0]["scopeSpans"][0]["spans"]:
            if span["name"].startswith("scheduler_steps"):
                span["events"] = span["events"][:99:3]
    trace.write_text("".join(json.dumps(one) + "\n" for one in documents))
    folder = tmp_path / "rows"
    folder.mkdir()
    shutil.copy(public_folder(tmp_path) / "models.csv", folder)
    result = moeprof("steptime", "read", trace, *SERVED, "--out", folder)
    assert result.exit_code == 2
    assert "264 of 264 rows cannot be true" in " ".join(result.stderr.split())
    assert [path.name for path in folder.iterdir()] == ["models.csv"]


def test_public_steps_of_the_scheduler_end_in_a_refusal(
    moeprof: Moeprof, sample_data: Path, tmp_path: Path
) -> None:
    """BLIS's 20,112 steps: exit code 2 with the gate's counts, and nothing is written."""
    shutil.copy(sample_data / "serving" / "models.csv", tmp_path)
    steps = sample_data / "ops" / "blis_steps_must_reject.parquet"
    words = ("--gpu", "H100", "--precision", "bf16", "--out", tmp_path)
    result = moeprof("steptime", "read", steps, *words)
    said = " ".join(result.stderr.split())
    assert result.exit_code == 2
    assert "of 20078 rows cannot be true: faster than reading the dense weights" in said
    assert "step.duration_us may be the time of the scheduler alone" in said
    assert [path.name for path in tmp_path.iterdir()] == ["models.csv"]
