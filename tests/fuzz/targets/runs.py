"""The documents and tables of a run folder, read by each command that takes one."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import moeprof
from moeprof.pipeline.measure.resolve import describe_here
from moeprof.store.document import write_document
from moeprof.store.run import Run
from moeprof.tests.cli.command_line import Result
from moeprof.tests.fuzz.case import Target
from moeprof.tests.fuzz.mutations import Mutate, json_fields, parquet_fields, toml_fields
from moeprof.tests.pipeline.conftest import latency_us, write_linear_run

PARSE = ("parse", "@/run")
BUILD = ("build-model", "@/run")
VALIDATE = ("validate", "@/run")
REPORT = ("report", "@/run")
COST = ("cost", "@/run", "gelu", "--batch-size", "5", "--json")
SHOW = ("cost", "@/run", "gelu", "--batch-size", "5")
RESUME = ("profile", "@/run", "--resume", "--trust", "--budget", "1ms")
OF_PLAN = (PARSE, BUILD, VALIDATE, REPORT, RESUME)
RECORDING = "run/raw/cpu/gelu.0/recording.json"


def _finished(folder: Path) -> None:
    """A run of this machine that has been through every stage."""
    run = write_linear_run(folder / "run")
    write_document(run.provenance_path, describe_here("cpu", 1))
    moeprof.build_model(run.folder)
    moeprof.validate(run.folder)


def _recorded(folder: Path) -> None:
    """The same run without its tables, so that they are made anew."""
    _finished(folder)
    shutil.rmtree(folder / "run" / "tables")


def _intact(folder: Path, results: Sequence[Result]) -> None:
    model = moeprof.load(Run(folder / "run").model_path)
    assert model.get_cost("gelu", 5).latency_us == pytest.approx(latency_us(5), rel=0.01)


def _of_run(
    name: str,
    file: str,
    mutate: Mutate,
    commands: Sequence[Sequence[str]],
    *,
    make: Callable[[Path], None] = _finished,
    share: int = 4,
) -> Target:
    return Target(
        name=name,
        make=make,
        file=file,
        mutate=mutate,
        commands=commands,
        intact=_intact,
        names=(
            Path(file).name,
            "run",
            "nothing was measured",
            "is not there",
            "--budget",
            "no hold-out point",
        ),
        read_share=0.05,
        is_derived=file.endswith(".parquet"),
        share=share,
    )


TARGETS = (
    _of_run("plan", "run/plan.json", json_fields, OF_PLAN, share=6),
    _of_run("recording", RECORDING, json_fields, (PARSE, BUILD, RESUME), make=_recorded, share=8),
    _of_run("provenance", "run/provenance.json", json_fields, (BUILD, REPORT, RESUME), share=3),
    _of_run("preset of a run", "run/preset.toml", toml_fields, (REPORT, RESUME), share=2),
    _of_run("validation", "run/validation.json", json_fields, (REPORT, SHOW), share=4),
    _of_run(
        "points",
        "run/tables/points.parquet",
        parquet_fields,
        (BUILD, REPORT, VALIDATE, BUILD),
        share=6,
    ),
)
