"""Traces of a served model: spans, a table of its steps, and the journeys that are made of them."""

import json
import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from moeprof.tests.cli.command_line import Result, run_moeprof
from moeprof.tests.costmodel.steptime.public_folder import HEADER, MODELS, public_folder
from moeprof.tests.fuzz.case import Target
from moeprof.tests.fuzz.mutations import json_fields, parquet_fields
from moeprof.tests.parsers.serving.known_trace import known_trace

SERVED = ("--model", "llama-3-8b", "--gpu", "H100", "--precision", "bf16", "--tp", "1")
READ = (("steptime", "read", "@/traces.json", "@/kv.jsonl", *SERVED, "--out", "@/rows"),)
FIT = (
    ("steptime", "fit", "@", "--target", "mean", "--method", "blackbox", "--out", "@/model.json"),
)
STEPS = 130


def _make(folder: Path) -> None:
    """A trace as one document, which the mutators read."""
    lines = known_trace(folder, steps=STEPS, outliers=0.0).read_text().splitlines()
    parts = [part for line in lines for part in json.loads(line)["resourceSpans"]]
    (folder / "traces.json").write_text(json.dumps({"resourceSpans": parts}))
    event = {"type": "BlockStored", "block_hashes": [1], "token_ids": [2], "block_size": 16}
    (folder / "kv.jsonl").write_text(json.dumps({"ts": 1.5, "events": [event]}))
    (folder / "rows").mkdir()
    (folder / "rows" / "models.csv").write_text(HEADER + MODELS)


def _make_table(folder: Path) -> None:
    (folder / "rows").mkdir()
    (folder / "rows" / "models.csv").write_text(HEADER + MODELS)
    columns: dict[str, list[Any]] = {
        "experiment_id": ["a", "b"] * 20, "model": ["llama-3-8b"] * 40, "tp": [1] * 40,
        "step_id": list(range(200, 240)), "step_duration_us": [9000 + at for at in range(40)],
        "batch_decode_tokens": [8] * 40, "batch_num_decode_reqs": [8] * 40,
        "batch_prefill_tokens": [0] * 40, "queue_running_depth": [8] * 40,
        "kv_usage_gpu_ratio": [0.3] * 40, "kv_blocks_total_gpu": [10_000] * 40,
    }  # fmt: skip
    pq.write_table(pa.table(columns), folder / "steps.parquet")


@cache
def _folder() -> Path:
    """A folder of rows and journeys, made once."""
    folder = public_folder(Path(mkdtemp()))
    trace = known_trace(folder, steps=500)
    run_moeprof(["steptime", "read", str(trace), *SERVED, "--out", str(folder)])
    trace.unlink()
    return folder


def _make_journeys(folder: Path) -> None:
    for name in ("serving_rows.parquet", "journeys.parquet", "models.csv"):
        shutil.copy(_folder() / name, folder)


def _read(folder: Path, results: Sequence[Result]) -> None:
    assert f"rows added to {folder / 'rows'}: {STEPS - 100}" in results[0].stderr


def _read_table(folder: Path, results: Sequence[Result]) -> None:
    assert f"rows added to {folder / 'rows'}: 40" in results[0].stderr


def _fitted(folder: Path, results: Sequence[Result]) -> None:
    assert "queued to scheduled" in results[0].stdout


TARGETS = (
    Target(
        name="spans of a server",
        make=_make,
        file="traces.json",
        mutate=json_fields,
        commands=READ,
        intact=_read,
        names=("traces.json", "rows"),
        share=9,
    ),
    Target(
        name="table of steps",
        make=_make_table,
        file="steps.parquet",
        mutate=parquet_fields,
        commands=(("steptime", "read", "@/steps.parquet", *SERVED[2:6], "--out", "@/rows"),),
        intact=_read_table,
        names=("steps.parquet", "rows"),
        share=4,
    ),
    Target(
        name="journeys",
        make=_make_journeys,
        file="journeys.parquet",
        mutate=parquet_fields,
        commands=FIT,
        intact=_fitted,
        names=("journeys",),
        share=4,
    ),
)
