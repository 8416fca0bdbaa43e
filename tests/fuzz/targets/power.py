"""Power: logs of a run's loads, their recordings, an external meter, and a mixed workload."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import pyarrow.parquet as pq
import pytest

import moeprof
from moeprof.energy.mixed_workload import MIXED_WORKLOAD_FILE
from moeprof.energy.power_log import POWER_LOG
from moeprof.store.document import write_document
from moeprof.store.mixed_workload import MixedWorkload, Segment
from moeprof.store.recording import sha256_of
from moeprof.store.run import Run
from moeprof.store.tables.parquet import write_table
from moeprof.tests.builders import make_recording
from moeprof.tests.cli.command_line import Result
from moeprof.tests.costmodel.thermal.test_costmodel_thermal_response import POLES, a_step
from moeprof.tests.energy import metered_runs
from moeprof.tests.energy.metered_runs import (
    CALL_US,
    GAIN,
    IDLE_W,
    LOAD_S,
    LOADS,
    PROVENANCE,
    sensor_readings,
    write_power_log,
)  # fmt: skip
from moeprof.tests.energy.power_logs import S
from moeprof.tests.fuzz.case import Target
from moeprof.tests.fuzz.mutations import Mutation, csv_fields, json_fields, parquet_fields

WORKLOAD = "played/raw/replay/gelu.0"
UNIT = "run/raw/power/gelu-b8-1024-fp32-cold@0"
PARSE = ("parse", "@/run")
BUILD = ("build-model", "@/run")


def _metered(folder: Path) -> None:
    metered_runs.write_run(folder / "run", update_ms=100)


def _with_meter(folder: Path) -> None:
    _metered(folder)
    metered_runs.write_meter(folder / "meter.csv", readings_per_s=50)


def _with_workload(folder: Path) -> None:
    """A metered run with its model, and another one that ran a mixed workload."""
    _metered(folder)
    moeprof.build_model(folder / "run")
    metered_runs.write_run(folder / "played", gain=0.99 * GAIN)
    unit = folder / WORKLOAD
    segments = [
        Segment("gelu", tokens, int(begin_s * S), int((begin_s + LOAD_S) * S), 30_000)
        for begin_s, tokens, _ in LOADS
    ]
    write_document(unit / MIXED_WORKLOAD_FILE, MixedWorkload(tuple(segments)))
    write_power_log(unit / POWER_LOG, sensor_readings(1.0, 18.0), "a GPU")
    files = {name: sha256_of(unit / name) for name in (MIXED_WORKLOAD_FILE, POWER_LOG)}
    played = make_recording(
        collector="replay", unit=unit.name, tokens=(1,), files=files, provenance=PROVENANCE
    )
    Run(folder / "played").keep(played)


def _with_heat(folder: Path) -> None:
    _metered(folder)
    run = Run(folder / "run")
    moeprof.parse(run.folder)
    write_table(
        run.table("thermal_samples"), "thermal_samples", a_step(POLES).take(list(range(0, 1500, 5)))
    )
    newest = 2 * 10**18
    os.utime(run.table("points"), ns=(newest, newest))


def power_log_fields(draw: Random, data: bytes) -> Mutation:
    """A field of the first line, or of the readings below it."""
    first, _, rest = data.partition(b"\n")
    if draw.random() < 0.3:
        words, line = json_fields(draw, first.removeprefix(b"#"))
        return Mutation(words, b"#" + line.replace(b"\n", b"") + b"\n" + rest)
    words, rows = csv_fields(draw, rest)
    return Mutation(words, first + b"\n" + rows)


def _sealing(unit: str, name: str) -> Callable[[Path], None]:
    """Renew the digest of a raw file in its recording."""

    def settle(folder: Path) -> None:
        path = folder / unit / "recording.json"
        body = json.loads(path.read_text())
        body["files"][name] = sha256_of(path.with_name(name))
        path.write_text(json.dumps(body))

    return settle


def _energy(folder: Path, results: Sequence[Result]) -> None:
    points = pq.read_table(folder / "run" / "tables" / "points.parquet").to_pylist()
    powers_w = {row["tokens"]: row["power_w"] for row in points}
    gain = 1.0 if "--meter" in str(results[0].stderr) else GAIN
    for tokens in powers_w:
        mean_w = sum(w for _, size, w in LOADS if size == tokens) / 2
        assert powers_w[tokens] == pytest.approx(mean_w * gain, rel=0.1)
    assert points[0]["energy_mj"] == pytest.approx(powers_w[1] * CALL_US / 1000, rel=0.02)


def _workload_energy(folder: Path, results: Sequence[Result]) -> None:
    replay = results[0].data["replay"]
    assert replay["stretches"] == len(LOADS)
    busy_j = sum(watts for _, _, watts in LOADS) * LOAD_S * GAIN
    idle_j = IDLE_W * replay["gap_s"] * GAIN
    assert replay["measured_j"] == pytest.approx(busy_j + idle_j, rel=0.03)


def _heat(folder: Path, results: Sequence[Result]) -> None:
    thermal = moeprof.load(folder / "run").file.thermal
    assert thermal is not None
    assert thermal.r_c_per_w == pytest.approx(0.07, rel=0.05)


TARGETS = (
    Target(
        name="power log",
        make=_metered,
        file=f"{UNIT}/{POWER_LOG}",
        mutate=power_log_fields,
        commands=(PARSE, BUILD),
        intact=_energy,
        settle=_sealing(UNIT, POWER_LOG),
        names=(POWER_LOG, "points.parquet"),
        share=3,
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
    Target(
        name="mixed workload",
        make=_with_workload,
        file=f"{WORKLOAD}/{MIXED_WORKLOAD_FILE}",
        mutate=json_fields,
        commands=(("validate", "@/run", "--against", "@/played", "--json"),),
        intact=_workload_energy,
        settle=_sealing(WORKLOAD, MIXED_WORKLOAD_FILE),
        share=2,
    ),
    Target(
        name="thermal samples",
        make=_with_heat,
        file="run/tables/thermal_samples.parquet",
        mutate=parquet_fields,
        commands=(BUILD,),
        intact=_heat,
        share=1,
    ),
)
