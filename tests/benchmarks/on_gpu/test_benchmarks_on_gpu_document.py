"""The document of a benchmark: one row for each number, known by its name on every machine."""

import json

import pytest

from moeprof.benchmarks.on_gpu.bench import Timed
from moeprof.benchmarks.on_gpu.document import Row, document, machine_identity, rows_of

WHAT = "topk", "512x128 k8"
OURS = Timed(*WHAT, "ours", 1.8, 0.5, 2e-4, 1e-7, 1e-5, us_ci95=(1.7, 1.9), joules_ci95=1e-5)
PEER = Timed(*WHAT, "torch", why="ModuleNotFoundError: torch")
NAME = "topk 512x128 k8 ours"


def test_a_variant_gives_time_floor_energy_and_error_with_their_intervals() -> None:
    time, floor, energy, error = rows_of("kernels", [OURS], [])
    assert time == Row("kernels", f"{NAME} time", 1.8, "us", (1.7, 1.9), 25)
    assert (floor.name, floor.value, floor.unit) == (f"{NAME} of floor", 0.5, "ratio")
    assert (energy.value, energy.unit) == (0.2, "mJ")
    assert energy.interval == pytest.approx((0.19, 0.21))
    assert (error.name, error.value) == (f"{NAME} error", 1e-7)


def test_what_was_not_measured_is_null_with_its_reason() -> None:
    time, *_ = rows_of("kernels", [PEER], [])
    assert (time.value, time.repeats, time.why) == (None, None, PEER.why)


def test_goals_stand_at_their_rows_and_comparisons_have_rows_of_their_own() -> None:
    met = {"name": f"{NAME} time", "value": 1.8, "unit": "us", "goal": "<= 2", "met": True}
    against = {"name": f"{NAME} against torch", "value": 9.0, "unit": "x", "goal": ">= 8"}
    rows = {row.name: row for row in rows_of("kernels", [OURS], [met, against | {"met": True}])}
    assert (rows[f"{NAME} time"].goal, rows[f"{NAME} time"].met) == ("<= 2", True)
    assert rows[f"{NAME} error"].goal is None
    assert rows[f"{NAME} against torch"].value == 9.0


def test_the_document_names_its_schema_and_a_machine_without_ids() -> None:
    whole = document(machine_identity("cpu"), rows_of("kernels", [OURS, PEER], []), seed=3)
    read = json.loads(json.dumps(whole, allow_nan=False))
    assert read["schema"] == "moeprof.benchmark/1.0"
    assert len(read["rows"]) == 8
    assert read["seed"] == 3
    assert {"gpu", "host_hash", "versions", "git_commit", "utc"} <= read["machine"].keys()
    assert "torch" in read["machine"]["versions"]
