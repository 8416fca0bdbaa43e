"""Steps of whole models: the file of a fit, steps of one's own, and the sizes of models."""

import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest

from moeprof.pipeline.steptime.fit import fit_steps
from moeprof.tests.cli.command_line import Result
from moeprof.tests.costmodel.steptime.public_folder import public_folder
from moeprof.tests.fuzz.case import Target
from moeprof.tests.fuzz.mutations import csv_fields, json_fields

FILE = "step_time_model.json"
ASKED = ("--model", "mixtral-8x7b", "--gpu", "H100", "--tp", "2", "--batch", "1,4,16,64")
PREDICT = (
    ("steptime", "predict", f"@/{FILE}", *ASKED, "--json"),
    ("steptime", "predict", f"@/{FILE}", *ASKED, "--output", "500", "--parts"),
    ("steptime", "predict", f"@/{FILE}", *ASKED, "--calibrate", "@/own.csv", "--json"),
    ("steptime", "validate", f"@/{FILE}", "@/other", "--json"),
    ("steptime", "validate", f"@/{FILE}", "@/other"),
    ("steptime", "show", f"@/{FILE}"),
    ("steptime", "show", f"@/{FILE}", "--json"),
)
ROWS = (
    ("steptime", "validate", f"@/{FILE}", "@/other", "--json"),
    ("steptime", "validate", "@/other", "--json"),
    (
        "steptime",
        "fit",
        "@/other",
        "--out",
        "@/new.json",
        "--target",
        "mean",
        "--method",
        "physics",
    ),
)


@cache
def _fitted() -> Path:
    """A folder of rows with the file of their fit, made once."""
    folder = public_folder(Path(mkdtemp()))
    fit_steps(folder, folder / FILE)
    return folder


def _make(folder: Path) -> None:
    shutil.copy(_fitted() / FILE, folder)
    (folder / "own.csv").write_text("batch,step_us\n4,20000\n32,30000\n")
    (folder / "other").mkdir()
    public_folder(folder / "other", tpot_factor=1.01)


def _predicted(folder: Path, results: Sequence[Result]) -> None:
    first, *_ = results[0].data["steps"]
    assert 10_000 < first["step_us"] < 60_000
    assert results[3].data["outcome"] in {"PASS", "FAIL", "AMBIGUOUS"}


def _judged(folder: Path, results: Sequence[Result]) -> None:
    whole = results[0].data["quantities"][0]["scores"][0]
    assert whole["rows"] == 36
    assert whole["bias"]["value"] == pytest.approx(-0.01, abs=0.02)
    assert results[2].exit_code == 0


TARGETS = (
    Target(
        name="step-time model",
        make=_make,
        file=FILE,
        mutate=json_fields,
        commands=PREDICT,
        intact=_predicted,
        names=(FILE, "mixtral-8x7b", "own.csv"),
        share=24,
    ),
    Target(
        name="own steps",
        make=_make,
        file="own.csv",
        mutate=csv_fields,
        commands=PREDICT[2:3],
        intact=lambda folder, results: None,
        names=("own.csv",),
        share=2,
    ),
    Target(
        name="models of serving rows",
        make=_make,
        file="other/models.csv",
        mutate=csv_fields,
        commands=ROWS,
        intact=_judged,
        names=("models.csv", "other", "rows"),
        share=6,
    ),
)
