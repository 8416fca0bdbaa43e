"""`kernel_cost_model.json`, with its digest renewed after the change, and with the old one."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from moeprof.costmodel.checksum import digest, with_checksum
from moeprof.store.cost_model import CostModelFile, IntervalScores
from moeprof.store.document import write_document
from moeprof.tests.cli.command_line import Result
from moeprof.tests.costmodel.models import metered_model
from moeprof.tests.costmodel.surface.test_costmodel_surface_energy import a_surface
from moeprof.tests.fuzz.case import Target
from moeprof.tests.fuzz.mutations import json_fields

FILE = "kernel_cost_model.json"
COMMANDS = (
    ("show", f"@/{FILE}"),
    ("show", f"@/{FILE}", "--json"),
    ("cost", f"@/{FILE}", "fc1", "--batch-size", "37", "--json"),
    ("cost", f"@/{FILE}", "fc1", "--batch-size", "37"),
    ("cost", f"@/{FILE}", "fc1", "--batch-size", "400", "--memory-pressure", "0.5"),
    ("cost", f"@/{FILE}", "fc1", "--batch-size", "37", "--shape", "16x4", "--allow-estimates"),
    ("cost", f"@/{FILE}", "fc1", "--batch-size", "37", "--breakdown"),
    ("cost", f"@/{FILE}", "moe", "--batch-size", "20", "--active-experts", "6", "--json"),
    ("cost", f"@/{FILE}", "moe", "--batch-size", "20", "--active-experts", "6"),
)


def model_with_everything() -> CostModelFile:
    """A metered curve, a metered surface, peaks and heat; no field is left at None."""
    metered = metered_model().file
    (curve,), surface = metered.curves, a_surface()
    curve = replace(
        curve,
        latency_half_95=(0.01,) * 5,
        left_out=(0.02,) * 5,
        energy_ci95=(0.02,) * 5,
        sustained_ratio=(1.1,) * 5,
        power_error=curve.error,
        segments=(0, 0, 1, 1, 1),
        energy_tokens=curve.knots_tokens,
        doubtful_tokens=(50,),
    )
    surface = replace(
        surface,
        latency_half_95=(0.01,) * len(surface.latency_us),
        left_out=(0.02,) * len(surface.latency_us),
        half_widths={"50": 0.01, "80": 0.02, "90": 0.03, "95": 0.04},
        doubtful_knots=(1,),
    )
    scores = {"50": 0.8, "80": 1.6, "90": 2.3, "95": 3.2}
    intervals = IntervalScores("left out", 9, scores, drift_95=0.1, drift_n=4)
    assert metered.thermal is not None
    thermal = replace(
        metered.thermal,
        leakage_w_per_c=0.5,
        leakage_w_per_c_ci95=0.1,
        reference_temp_c=60.0,
        source="nvml_counter",
    )
    whole = replace(
        metered, curves=(curve,), surfaces=(surface,), intervals=intervals, thermal=thermal
    )
    return with_checksum(whole)


def _model(folder: Path) -> None:
    write_document(folder / FILE, model_with_everything())


def _latency(folder: Path, results: Sequence[Result]) -> None:
    assert results[2].data["latency_us"] == pytest.approx(60 + 2 * 37)


def reseal(path: Path) -> None:
    """Renew the digest of a model; a text that is no JSON object stays as it is."""
    try:
        text = path.read_text()
        body = json.loads(text)
        new = digest(body)
    except (ValueError, RecursionError, AttributeError):
        return
    if isinstance(body.get("sha256"), str) and body["sha256"] in text:
        path.write_text(text.replace(body["sha256"], new))


TARGETS = (
    Target(
        name="model",
        make=_model,
        file=FILE,
        mutate=json_fields,
        commands=COMMANDS,
        intact=_latency,
        settle=lambda folder: reseal(folder / FILE),
        names=(FILE, "fc1", "moe"),
        share=32,
    ),
    Target(
        name="model with its old digest",
        make=_model,
        file=FILE,
        mutate=json_fields,
        commands=COMMANDS,
        intact=_latency,
        read_share=0.0,
        share=2,
    ),
)
