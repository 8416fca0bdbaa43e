"""Results of serving benchmarks, and the table of rows that they become."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from moeprof.store.serving.rows_table import ROWS_FILE
from moeprof.tests.cli.command_line import Result
from moeprof.tests.costmodel.steptime.public_folder import public_folder
from moeprof.tests.fuzz.case import Target
from moeprof.tests.fuzz.mutations import json_fields, parquet_fields
from moeprof.tests.parsers.results.result_files import (
    INFERENCEX,
    MLENERGY_V3,
    SGLANG_SERVING,
    VLLM_LATENCY,
)
from moeprof.tests.pipeline.steptime.published import config_file, served

FILE = "result.json"
_TIMES: dict[str, Any] = {
    "start_times": [float(at) for at in range(10)],
    "ttfts": [0.1] * 10,
    "itls": [[0.01] * 4] * 10,
    "output_lens": [5] * 10,
    "output_throughput": None,
    "request_throughput": None,
}
# The folder's model is Llama-3.1-8B: a result of a model whose name tells another size is refused.
_OF_NO_SIZE = MLENERGY_V3 | {"model_id": "meta-llama/Llama-Instruct"}
_READ = (
    "steptime",
    "read",
    f"@/{FILE}",
    "--out",
    "@/rows",
    "--model",
    "@/Llama-3.1-8B/config.json",
)


def _result(data: Any) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        config_file(folder)
        (folder / FILE).write_text(json.dumps(data))

    return make


def _added(count: int) -> Callable[[Path, Sequence[Result]], None]:
    def intact(folder: Path, results: Sequence[Result]) -> None:
        assert pq.read_metadata(folder / "rows" / ROWS_FILE).num_rows == count

    return intact


def _target(name: str, data: Any, *options: str, rows: int = 1) -> Target:
    return Target(
        name=name,
        make=_result(data),
        file=FILE,
        mutate=json_fields,
        commands=((*_READ, *options),),
        intact=_added(rows),
        read_share=0.05,
        share=1,
    )


def _table(folder: Path) -> None:
    public_folder(folder)


H100 = ("--gpu", "H100", "--precision", "bf16")

TARGETS = (
    _target("vllm bench serve", served(16) | _TIMES, *H100, "--tp", "1", "--engine", "vllm"),
    _target(
        "vllm bench latency", VLLM_LATENCY | {"latencies": [20.0] * 3},
        *H100, "--tp", "1", "--batch", "8", "--prompt", "1000", "--output", "200",
    ),
    _target("sglang bench_serving", SGLANG_SERVING, "--gpu", "H100"),
    _target("ml.energy leaderboard", _OF_NO_SIZE, "--prompt", "250", rows=2),
    _target("inferencex", [INFERENCEX, INFERENCEX], rows=2),
    Target(
        name="serving rows fitted",
        make=_table,
        file=ROWS_FILE,
        mutate=parquet_fields,
        commands=(
            ("steptime", "fit", "@/", "--target", "mean", "--method", "physics",
             "--out", "@/model.json"),
        ),
        intact=lambda folder, results: None,
        share=1,
    ),
)  # fmt: skip
