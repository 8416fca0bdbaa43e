"""What a step is told by another command: a plan's active experts, kernels, and steps of a plan."""

import json
import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np

from moeprof.costmodel.checksum import with_checksum
from moeprof.pipeline.steptime.fit import fit_steps
from moeprof.router import MetricsLogger, MetricsRow
from moeprof.store.document import write_document
from moeprof.store.recording import sha256_of
from moeprof.tests.cli.command_line import Result
from moeprof.tests.costmodel.steptime.composition.kernel_folder import kernel_file, kernel_folder
from moeprof.tests.fuzz.case import Target
from moeprof.tests.fuzz.mutations import csv_fields, json_fields
from moeprof.tests.fuzz.targets.models import reseal
from moeprof.tests.pipeline.route.test_pipeline_route_whole_step import steps_file
from moeprof.tests.router.expert_models import chain_file

FILE = "step_time_model.json"
KERNELS = "kernel_cost_model.json"
ASKED = (
    "steptime", "predict", f"@/{FILE}", "--model", "mixtral-8x7b", "--gpu", "H200",
    "--engine", "trtllm", "--batch", "16",
)  # fmt: skip
PLAN = ("route", "plan", "@/chain.json", "--tokens", "8", "--experts", "8:fc1+gelu+fc2",
        "--top-k", "2", "--kl-price", "5e-3", "--step", "@/steps.json")  # fmt: skip


@cache
def _fitted() -> Path:
    """A folder of rows of one GPU, with its kernels and the file of their fit; made once."""
    folder = kernel_folder(Path(mkdtemp()))
    kernels = kernel_file(folder)
    fit_steps(folder, folder / FILE, method="physics", kernel_model=kernels)
    return folder


def _files(folder: Path) -> None:
    for name in (FILE, KERNELS):
        shutil.copy(_fitted() / name, folder)


def _renew(folder: Path) -> None:
    """Let the model of steps be one of the changed kernels, so that these are looked at."""
    reseal(folder / KERNELS)
    text = (folder / FILE).read_text()
    fitted, changed = (sha256_of(one / KERNELS) for one in (_fitted(), folder))
    (folder / FILE).write_text(text.replace(fitted, changed))


def _plan(folder: Path) -> None:
    _files(folder)
    plan = {"tokens": 16, "experts": 8, "top_k": 2} | {
        name: {"active_experts": count} for name, count in (("own", 7.9), ("planned", 5.5))
    }
    (folder / "plan.json").write_text(json.dumps(plan))


def _log(folder: Path) -> None:
    _files(folder)
    with MetricsLogger(folder / "metrics.csv") as log:
        for counts in ([16, 16, 0, 0, 0, 0, 0, 0], [8, 8, 8, 8, 0, 0, 0, 0]):
            row = MetricsRow(tokens=16, strategy="static_optimal", expert_counts=np.array(counts))
            log.log(row)


def _steps(folder: Path) -> None:
    write_document(folder / "chain.json", with_checksum(chain_file()))
    steps_file(folder, {"experts": 60.0, "overhead": 40.0})


def _saved(folder: Path, results: Sequence[Result]) -> None:
    (step,) = results[0].data["steps"]
    assert step["routing"]["saved_us"] > 0


def _composed(folder: Path, results: Sequence[Result]) -> None:
    (step,) = results[0].data["steps"]
    assert step["kernel_weight"] is not None


def _concentrated(folder: Path, results: Sequence[Result]) -> None:
    assert results[0].data["regime"] == "concentrate"


TARGETS = (
    Target(
        name="active experts of a plan",
        make=_plan,
        file="plan.json",
        mutate=json_fields,
        commands=((*ASKED, "--active-experts", "@/plan.json", "--json"),),
        intact=_saved,
        names=("plan.json", "mixtral-8x7b", "active experts"),
        read_share=0.0,
    ),
    Target(
        name="active experts of a log",
        make=_log,
        file="metrics.csv",
        mutate=csv_fields,
        commands=((*ASKED, "--active-experts", "@/metrics.csv", "--json"),),
        intact=_saved,
        names=("metrics.csv", "mixtral-8x7b", "active experts"),
        read_share=0.0,
    ),
    Target(
        name="kernels of steps",
        make=_files,
        file=KERNELS,
        mutate=json_fields,
        commands=((*ASKED, "--kernel-model", f"@/{KERNELS}", "--json"),),
        intact=_composed,
        settle=_renew,
        names=(KERNELS, "kernel model", "kernels"),
        share=2,
    ),
    Target(
        name="steps of a plan",
        make=_steps,
        file="steps.json",
        mutate=json_fields,
        commands=((*PLAN, "--json"), PLAN),
        intact=_concentrated,
        share=2,
    ),
)
