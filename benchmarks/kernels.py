"""Benchmark moeprof's kernels: machine code without a GPU, time and energy on one.

    python benchmarks/kernels.py [--static] [--quick] [--tune] [--seed N] [--json FILE] [--md FILE]

Without a GPU, or with `--static`: the gates on machine code, and a roofline estimate from it. On a
GPU, within eight minutes: every variant is compared with float64 and then timed, ours beside torch
and the peers that can be imported. Times are medians over replays of a CUDA graph, whose inputs
rotate through more than five L2 caches while results overwrite each other. Energy is measured
between two updates of NVML's counter. A variant that is wrong, fails or has no time left is listed
with the reason. `--tune` tries other tiles instead of gemlite, and prints entries for MEASURED in
kernels/tiling/choice.py.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / ".path"))

from moeprof.benchmarks.compiled.estimates import estimates
from moeprof.benchmarks.compiled.gates import gates
from moeprof.benchmarks.compiled.sass import require_compiler
from moeprof.benchmarks.compiled.static import MIXTRAL_FC1
from moeprof.benchmarks.on_gpu.bench import Bench, Clock, Timed
from moeprof.benchmarks.on_gpu.document import document, machine_identity, rows_of
from moeprof.benchmarks.on_gpu.linear import time_gemlite, time_linear
from moeprof.benchmarks.on_gpu.routers import time_topk
from moeprof.benchmarks.on_gpu.tuning import time_tiles
from moeprof.kernels.tiling.choice import gpu_at, rows_for

BATCHES, QUICK_BATCHES = (1, 16, 64, 128, 256, 512), (1, 256)
ROUTERS = (
    (512, 128, 8, torch.float32),
    (512, 256, 8, torch.float32),
    (4096, 128, 8, torch.float32),
    (8192, 256, 8, torch.float32),
    (8192, 512, 8, torch.float32),
    (8192, 512, 8, torch.bfloat16),
)
LIMIT_S, QUICK_LIMIT_S = 440.0, 45.0
# By batch size, on an H200: share of the floor, and speed relative to peers.
GOALS_ARE_OF = "NVIDIA H200"
FRACTION_GOALS = {1: 0.75, 16: 0.75, 64: 0.70, 128: 0.73, 256: 0.73, 512: 0.72}
SPEED_GOALS = {
    "torch linear": {1: 2.9, 16: 2.8, 64: 2.1, 128: 1.15, 256: 0.95, 512: 0.9},
    "torch linear + gelu": {256: 1.0, 512: 1.0},
    "gemlite": {1: 1.7, 16: 2.2, 256: 2.0},
}
TOPK_GOALS_US = {"512x256 k8": 2.0, "8192x256 k8": 8.0}


def measured(arguments: argparse.Namespace, clock: Clock) -> Iterator[Timed]:
    """Measure on the GPU: fixed work first, then what tunes itself and may take all time left.

    Raises BadInput if Triton is not installed or interprets: our kernels would not run.
    """
    require_compiler()
    bench = Bench(arguments.seed, clock)
    batches = QUICK_BATCHES if arguments.quick else BATCHES
    for tokens in batches:
        yield from time_linear(bench, MIXTRAL_FC1, tokens)
    for router in ROUTERS[:1] if arguments.quick else ROUTERS:
        yield from time_topk(bench, *router)
    if arguments.tune:
        # The largest batch for each key of MEASURED.
        largest = {rows_for(gpu_at(0), tokens): tokens for tokens in batches}
        for number, tokens in enumerate(largest.values()):
            share_s = clock.left_s() / (len(largest) - number)
            yield from time_tiles(bench, MIXTRAL_FC1, tokens, share_s)
        return
    for tokens in sorted(batches, key=lambda tokens: tokens not in SPEED_GOALS["gemlite"]):
        yield from time_gemlite(bench, MIXTRAL_FC1, tokens)


def goals_of(rows: list[Timed], gpu: str) -> Iterator[dict[str, Any]]:
    """Goals: errors of ours on any GPU, and times on an H200 alone."""
    us = {(row.size, row.variant): row.us for row in rows}
    for row in rows:
        if row.variant != "ours":
            continue
        name = f"{row.kernel} {row.size} ours"
        yield goal(f"{name} error", row.error, "ratio", row.most, most=True)
        if gpu != GOALS_ARE_OF:
            continue
        if row.kernel == "topk":
            if row.size in TOPK_GOALS_US:
                yield goal(f"{name} time", row.us, "us", TOPK_GOALS_US[row.size], most=True)
            continue
        tokens = int(row.size.rpartition("b")[2])
        yield goal(f"{name} of floor", row.of_floor, "ratio", FRACTION_GOALS[tokens])
        for variant, least in SPEED_GOALS.items():
            peer_us = us.get((row.size, variant))
            if tokens in least and peer_us is not None:
                ratio = None if row.us is None else peer_us / row.us
                yield goal(f"{name} against {variant}", ratio, "x", least[tokens])


def goal(
    name: str, value: float | None, unit: str, bound: float | None, most: bool = False
) -> dict[str, Any]:
    """One goal in the form of all benchmarks; an unmeasured one is not met."""
    met = value is not None and bound is not None and (value <= bound if most else value >= bound)
    text = None if bound is None else f"{'<=' if most else '>='} {bound:.3g}"
    return {"name": name, "value": value, "unit": unit, "goal": text, "met": met}


def gate_goal(row: dict[str, Any]) -> dict[str, Any]:
    """A gate as a goal: met if all its rules hold, not only the number of instructions."""
    name = f"{row['kernel']} sm_{row['sm']}"
    return {
        "name": f"{name}: {row['broken']}" if row["broken"] else name,
        "value": row["instructions"],
        "unit": "",
        "goal": row["most"],
        "met": row["kept"],
    }


def table(rows: list[dict[str, Any]]) -> str:
    """A Markdown table of rows."""
    if not rows:
        return ""
    lines = [" | ".join(rows[0]), " | ".join("---" for _ in rows[0])]
    lines += [" | ".join(shown(value) for value in row.values()) for row in rows]
    return "\n".join(f"| {line} |" for line in lines) + "\n"


def shown(value: Any) -> str:
    """A value as text."""
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value).replace("|", "\\|")


def main() -> None:
    """Read the command line, measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--static", action="store_true", help="only what needs no GPU")
    parser.add_argument("--quick", action="store_true", help="end within a minute")
    parser.add_argument("--tune", action="store_true", help="try other tiles, instead of gemlite")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, help="not used: the inputs are made")
    parser.add_argument("--json", type=Path, help="write everything there")
    parser.add_argument("--md", type=Path, help="write the tables there")
    arguments = parser.parse_args()
    clock = Clock(QUICK_LIMIT_S if arguments.quick else LIMIT_S)
    batches = QUICK_BATCHES if arguments.quick else BATCHES
    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    rows, gated, estimated = [], [], []
    if gpu is not None and not arguments.static:
        for row in measured(arguments, clock):
            rows.append(row)  # printed at once, because the program may be killed
            print(table([asdict(row)]).splitlines()[-1], file=sys.stderr, flush=True)
        text = f"Measured on {gpu}:\n\n{table([asdict(row) for row in rows])}\n"
    else:
        gated, estimated = list(gates(arguments.quick)), list(estimates(batches))
        text = f"Machine code, by Triton's compiler:\n\n{table(gated)}\n"
        text += f"fc1 4096->14336, **estimated** from it, not measured:\n\n{table(estimated)}\n"
        text += "" if gpu else "No GPU here: no time and no energy is measured.\n"
    goals = [*map(gate_goal, gated), *goals_of(rows, gpu or "")]
    text += "".join(f"missed: {one['name']}\n" for one in goals if not one["met"])
    text += f"{sum(one['met'] for one in goals)} of {len(goals)} goals met\n"
    print(text, end="")
    if arguments.md:
        arguments.md.write_text(text)
    if arguments.json:
        body = document(
            machine_identity("cpu" if gpu is None else "cuda:0"),
            rows_of("kernels", rows, [*goals_of(rows, gpu or "")]),
            seed=arguments.seed,
            quick=arguments.quick,
            gates=gated,
            estimates=estimated,
            goals=goals,
        )
        arguments.json.write_text(json.dumps(body, indent=1, allow_nan=False))


if __name__ == "__main__":
    main()
