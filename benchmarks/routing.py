"""Routing by costs: how fast, how close to the best, and how well it keeps a target, beside peers.

    python benchmarks/routing.py [--quick] [--seed N] [--data DIR] [--json FILE] [--only PART]

Peers run beside it where they are installed: cvxpy with Clarabel, HiGHS through scipy, the sign
rule of DeepSeek-V3, a tuned PI controller, other rules for the active set, torch.topk with softmax.
What is missing is named with what it needs. All instances are drawn by `--seed`. There is no GPU in
any of it: the GPU of the controllers is simulated, and times are those of one thread of this CPU.

The rows of `--json` are those of `moeprof.benchmark/1.0`, which README.md describes.
"""

import argparse
import importlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / ".path"))

from moeprof.benchmarks.on_gpu.document import Row, document, machine_identity

PARTS = {
    "hot_path": "moeprof.benchmarks.routed.hot_path",
    "active_set": "moeprof.benchmarks.routed.active_sets",
    "certificate": "moeprof.benchmarks.routed.certificates",
    "programs": "moeprof.benchmarks.routed.programs",
    "controllers": "moeprof.benchmarks.routed.controllers",
    "observing": "moeprof.benchmarks.routed.observing",
}
"""Modules with rows(seed, quick), by the name that --only takes."""


def measured(names: list[str], seed: int, quick: bool) -> Iterator[Row]:
    """The rows of the parts, each printed as it comes."""
    for name in names:
        print(f"-- {name}", flush=True)
        part: Callable[[int, bool], Iterator[Row]] = importlib.import_module(PARTS[name]).rows
        for row in part(seed, quick):
            print(sentence(row), flush=True)
            yield row


def sentence(row: Row) -> str:
    """A row as a line: whether its goal is met, its value, or why it has none."""
    if row.value is None:
        return f"       {row.name}: skipped, {row.why}"
    mark = {None: "       ", True: "met    ", False: "MISSED "}[row.met]
    goal = "" if row.goal is None else f" ({row.goal})"
    return f"{mark}{row.name}: {row.value:.4g} {row.unit}{goal}"


def main() -> None:
    """Run it."""
    words = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    words.add_argument("--quick", action="store_true", help="fewer instances and seeds")
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--data", type=Path, help="not used: all instances are drawn")
    words.add_argument("--json", type=Path)
    words.add_argument("--only", choices=PARTS, action="append", help="a part, may be repeated")
    args = words.parse_args()
    torch.set_num_threads(1)
    started, load = time.perf_counter(), os.getloadavg()[0]
    rows = list(measured(args.only or list(PARTS), args.seed, args.quick))
    goals = [row for row in rows if row.met is not None]
    took_s, after = time.perf_counter() - started, os.getloadavg()[0]
    met = sum(bool(row.met) for row in goals)
    print(f"{met} of {len(goals)} goals met; {took_s:.0f} s; load {load:.1f}, then {after:.1f}")
    if args.json:
        listed = [
            {"name": r.name, "value": r.value, "unit": r.unit, "goal": r.goal, "met": r.met}
            for r in goals
        ]
        body = document(machine_identity("cpu"), rows, goals=listed, seed=args.seed,
                        quick=args.quick, load=[load, after])  # fmt: skip
        args.json.write_text(json.dumps(body, indent=1) + "\n")


if __name__ == "__main__":
    main()
