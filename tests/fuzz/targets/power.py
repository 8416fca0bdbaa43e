"""Power: logs of a run's loads, their recordings, an external meter, and a mixed workload."""

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pyarrow.parquet as pq
import pytest

from moeprof.energy.power_log import POWER_LOG
from moeprof.store.recording import sha256_of
from moeprof.tests.cli.command_line import Result
from moeprof.tests.energy import metered_runs
from moeprof.tests.energy.metered_runs import CALL_US, GAIN, LOADS
from moeprof.tests.fuzz.case import Target
from moeprof.tests.fuzz.mutations import Mutation, csv_fields, json_fields

UNIT = "run/raw/power/gelu-b8-1024-fp32-cold@0"
PARSE = ("parse", "@/run")
BUILD = ("build-model", "@/run")


def _metered(folder: Path) -> None:
    metered_runs.write_run(folder / "run", update_ms=100)


def _with_meter(folder: Path) -> None:
    _metered(folder)
    metered_runs.write_meter(folder / "meter.csv", readings_per_s=50)


def power_log_fields(draw: Random, data: bytes) -> Mutation:
    """A field of the first line, or of the readings below it."""
    first, _, rest = data.partition(b"\n")
    if draw.random() < 0.3:
        words, line = json_fields(draw, first.removeprefix(b"#"))
        return Mutation(words, b"#" + line.replace(b"\n", b"") + b"\n" + rest)
    words, rows = csv_fields(draw, rest)
    return Mutation(words, first + b"\n" + rows)


def _sealed(folder: Path) -> None:
    """Renew the log's digest in its recording."""
    path = folder / UNIT / "recording.json"
    body = json.loads(path.read_text())
    body["files"][POWER_LOG] = sha256_of(path.with_name(POWER_LOG))
    path.write_text(json.dumps(body))


def _energy(folder: Path, results: Sequence[Result]) -> None:
    points = pq.read_table(folder / "run" / "tables" / "points.parquet").to_pylist()
    powers_w = {row["tokens"]: row["power_w"] for row in points}
    gain = 1.0 if "--meter" in str(results[0].stderr) else GAIN
    for tokens in powers_w:
        mean_w = sum(w for _, size, w in LOADS if size == tokens) / 2
        assert powers_w[tokens] == pytest.approx(mean_w * gain, rel=0.1)
    assert points[0]["energy_mj"] == pytest.approx(powers_w[1] * CALL_US / 1000, rel=0.02)


TARGETS = (
    Target(
        name="power log",
        make=_metered,
        file=f"{UNIT}/{POWER_LOG}",
        mutate=power_log_fields,
        commands=(PARSE, BUILD),
        intact=_energy,
        settle=_sealed,
        names=(POWER_LOG, "points.parquet"),
        share=4,
    ),
    Target(
        name="recording of a load",
        make=_metered,
        file=f"{UNIT}/recording.json",
        mutate=json_fields,
        commands=(PARSE, BUILD),
        intact=_energy,
        names=("recording.json", "run"),
        share=4,
    ),
    Target(
        name="meter",
        make=_with_meter,
        file="meter.csv",
        mutate=csv_fields,
        commands=(("parse", "@/run", "--meter", "@/meter.csv"),),
        intact=_energy,
        share=2,
    ),
)
