"""Benchmark the cost of a layer: the sum of its parts and the fitted difference, against the layer.

    python benchmarks/layer.py [--quick] [--seed N] [--json FILE]

Three published layers, scaled down to a CPU, are measured part by part and as one unit, in turns,
at batch sizes of 1 to 512 (`whole_layer/measured.py`). A model is built as `build-model` builds it,
from sizes of the routing "uniform" alone. `get_layer_cost` is then held against the layer

    unit      at sizes that no fit saw, as it answers there: by the curve of the layer as one unit
    sizes     at the same, by the sum of the parts and the fitted difference
    skew      under zipf:1.2: its parts were measured there, the difference was not fitted there
    estimate  under zipf:1.2 where not even its parts were measured, from those of "uniform"

The seed draws the sizes and the inputs. Last, our routed experts are timed beside those of every
engine that is installed and computes them here; the others are named.
"""

import argparse
import json
import os
import platform
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / ".path"))

from moeprof.benchmarks.whole_layer.measured import Asked, measured, scaled_down
from moeprof.costmodel.build import build_model
from moeprof.costmodel.layer.fitted import with_differences
from moeprof.costmodel.model import KernelCostModel
from moeprof.scenarios.catalogue import layer_of
from moeprof.scenarios.engines.registry import left_out, operations_here
from moeprof.scenarios.operation import Operation
from moeprof.scenarios.ops.layer import moe_layer, routed_experts
from moeprof.scenarios.preset import Preset
from moeprof.scenarios.shapes.layer_parts import layer_sizes, parts_of, unit_of
from moeprof.stats.placed_sizes import drawn_over_log, log_spaced
from moeprof.store.fitted_runs import LayerSizes
from moeprof.store.plan import Role
from moeprof.store.provenance import Provenance

SIZES = range(1, 513)
FITTED, CALIBRATION, HELD_OUT = 24, 8, 16
TURN_S, QUICK_TURN_S = 0.4, 0.1  # CPU time for each size
SKEWED = "zipf:1.2"
WHATS = ("unit", "sizes", "skew", "estimate")
PEER_SIZES = (1, 16, 128, 512)


@dataclass(frozen=True)
class Compared:
    """A layer predicted and measured at one size: latencies in us, bounds at 95 %."""

    preset: str
    what: str
    tokens: int
    predicted_us: float
    low_us: float
    high_us: float
    sum_us: float
    measured_us: float

    @property
    def error(self) -> float:
        """The larger of both over the smaller, less 1."""
        ratio = self.predicted_us / self.measured_us
        return max(ratio, 1 / ratio) - 1

    @property
    def covered(self) -> bool:
        """Whether the interval holds the measured latency."""
        return self.low_us <= self.measured_us <= self.high_us


def roles(seed: int) -> dict[int, Role]:
    """A role for each size that is measured: drawn over the logarithm, none twice."""
    draw = random.Random(f"{seed} sizes")
    held_out = drawn_over_log(list(SIZES)[1:-1], HELD_OUT, draw)
    open_ = [size for size in SIZES if size not in held_out]
    calibration = drawn_over_log(open_[1:-1], CALIBRATION, draw)
    rest = [size for size in open_ if size not in calibration]
    found = dict.fromkeys(log_spaced(rest, FITTED), Role.FIT)
    return (
        found | dict.fromkeys(calibration, Role.CALIBRATION) | dict.fromkeys(held_out, Role.HOLDOUT)
    )


def points_of(preset: Preset, seed: int, turn_s: float) -> pa.Table:
    """Measure a layer at every size, uniform and skewed; each curve once."""
    skewed = replace(preset, routing=SKEWED)
    asked: dict[tuple[str, int], Asked] = {}
    for size, role in roles(seed).items():
        for one in (preset, skewed):
            for operation in layer_of(one):
                is_unit = operation is moe_layer.OPERATION
                if is_unit and one is skewed and role is not Role.HOLDOUT:
                    continue  # no fit sees the skewed layer
                if not is_unit and role is Role.HOLDOUT:
                    continue
                curve = operation.scenario(one, size, "float32", "cold").curve
                asked.setdefault((curve, size), Asked(operation, one, size, role))
    return measured(list(asked.values()), seed, turn_s)


def layers_of(preset: Preset) -> tuple[LayerSizes, LayerSizes]:
    """The layer as measured, uniform and skewed; the latter's unit is not in the model."""
    return tuple(
        replace(layer_sizes(one), parts=parts_of(one, "cold"), unit=unit_of(one, "cold"))
        for one in (preset, replace(preset, routing=SKEWED))
    )  # type: ignore[return-value]


def compared(preset: Preset, points: pa.Table) -> Iterator[Compared]:
    """Build the models, and hold them against the layer at the held-out sizes."""
    provenance = Provenance(
        "cpu", "a CPU", None, "a CPU", os.cpu_count() or 1, 1, None,
        {"torch": str(torch.__version__)}, None, None, "0" * 12, "2026-01-01T00:00:00Z",
    )  # fmt: skip
    file = build_model(points, preset=preset.name, provenance=provenance, points_sha256="0" * 64)
    uniform, skewed = layers_of(preset)
    whole = KernelCostModel(with_differences(replace(file, layers=(uniform, skewed))))
    alone = KernelCostModel(with_differences(replace(file, layers=(uniform,))))
    by_parts = KernelCostModel(
        replace(whole.file, layers=tuple(replace(one, unit=None) for one in whole.file.layers))
    )
    units = {
        (row["curve"], row["tokens"]): row["latency_us"]
        for row in points.to_pylist()
        if row["op"] == "moe_layer" and row["role"] == Role.HOLDOUT
    }
    for (curve, tokens), measured_us in units.items():
        routing = "uniform" if curve == uniform.unit else SKEWED
        models = {"skew": whole}
        if routing == "uniform":
            models = {"unit": whole, "sizes": by_parts}
        if routing == SKEWED:
            models["estimate"] = alone
        for what, model in models.items():
            found = model.get_layer_cost(tokens, routing=routing)
            yield Compared(
                preset.name, what, tokens, found.latency_us, found.latency_us_lo,
                found.latency_us_hi, found.sum_us, measured_us,
            )  # fmt: skip


def summary(rows: Sequence[Compared]) -> dict[str, Any]:
    """Errors and coverage of some comparisons, as shares."""
    errors = [row.error for row in rows]
    alone = [max(row.sum_us / row.measured_us, row.measured_us / row.sum_us) - 1 for row in rows]
    halves = [np.log(row.high_us / row.low_us) / 2 for row in rows]
    return {
        "n": len(rows),
        "median_error": float(np.median(errors)),
        "p95_error": float(np.quantile(errors, 0.95)),
        "median_error_of_sum": float(np.median(alone)),
        "covered": float(np.mean([row.covered for row in rows])),
        "median_half_width": float(np.median(halves)),
    }


def goals_of(found: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """A median error of 5 % at most and 90 % covered, where the parts were measured."""
    goals = []
    for what in ("unit", "sizes", "skew"):
        error, covered = found[what]["median_error"], found[what]["covered"]
        goals += [
            {"name": f"{what}: median error of a layer", "value": error, "unit": "",
             "goal": "<= 0.05", "met": error <= 0.05},
            {"name": f"{what}: intervals of 95 % that hold it", "value": covered, "unit": "",
             "goal": ">= 0.9", "met": covered >= 0.9},
        ]  # fmt: skip
    return goals


def main() -> None:
    """Run it."""
    words = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    words.add_argument("--quick", action="store_true", help="each size in a quarter of the time")
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--data", type=Path, help="not used: all is measured")
    words.add_argument("--json", type=Path)
    args = words.parse_args()
    torch.set_num_threads(1)
    started, load = time.perf_counter(), os.getloadavg()[0]
    for sentence in left_out([next(iter(scaled_down().values()))]):
        print(sentence)
    rows: list[Compared] = []
    peers: list[dict[str, Any]] = []
    for name, preset in scaled_down().items():
        turn_s = QUICK_TURN_S if args.quick else TURN_S
        points = points_of(preset, args.seed, turn_s)
        rows += compared(preset, points)
        for what in WHATS:
            show(f"{name} {what}", [r for r in rows if (r.preset, r.what) == (preset.name, what)])
        peers += show_peers(preset, args.seed, turn_s)
    found = {what: summary([r for r in rows if r.what == what]) for what in WHATS}
    for what in found:
        show(f"all {what}", [row for row in rows if row.what == what])
    goals = goals_of(found)
    for goal in goals:
        met = "met   " if goal["met"] else "MISSED"
        print(f"{met} {goal['name']}: {goal['value']:.3g} ({goal['goal']})")
    took_s, after = time.perf_counter() - started, os.getloadavg()[0]
    print(f"{took_s:.0f} s; load {load:.1f} before, {after:.1f} after")
    if args.json:
        body = {
            "benchmark": "layer", "machine": platform.processor() or platform.machine(),
            "cpus": os.cpu_count(), "load": [load, after], "seed": args.seed,
            "versions": {"python": platform.python_version(), "torch": str(torch.__version__)},
            "summary": found, "rows": [asdict(row) for row in rows], "peers": peers,
            "goals": goals,
        }  # fmt: skip
        args.json.write_text(json.dumps(body, indent=1) + "\n")


def show(title: str, rows: Sequence[Compared]) -> None:
    """Print errors and coverage of some comparisons."""
    one = summary(rows)
    print(
        f"{title}: median error {one['median_error']:.1%} (p95 {one['p95_error']:.1%}; of the sum"
        f" alone {one['median_error_of_sum']:.1%}), covered {one['covered']:.0%} of {one['n']},"
        f" half width {one['median_half_width']:.1%}",
        flush=True,
    )


def show_peers(preset: Preset, seed: int, turn_s: float) -> list[dict[str, Any]]:
    """Time the routed experts of each implementation that is here, print its ratio to ours.

    Raises AssertionError where one differs from its reference.
    """
    here = (routed_experts.PLAIN, *operations_here(preset))
    for operation in here:
        check(operation, preset, seed)
    asked = [Asked(one, preset, size, Role.FIT) for size in PEER_SIZES for one in here]
    rows = measured(asked, seed, turn_s).to_pylist()
    ours_us = {r["tokens"]: r["latency_us"] for r in rows if r["op"] == here[0].name}
    found = [
        {"preset": preset.name, "tokens": row["tokens"], "peer": row["op"],
         "latency_us": row["latency_us"], "to_ours": row["latency_us"] / ours_us[row["tokens"]]}
        for row in rows
    ]  # fmt: skip
    for one in found:
        print("{preset} b{tokens} {peer}: {latency_us:.0f} us, {to_ours:.2f} x ours".format(**one))
    return found


def check(operation: Operation, preset: Preset, seed: int) -> None:
    """Raise AssertionError where an operation differs from its reference."""
    generator = torch.Generator().manual_seed(seed)

    def take(shape: tuple[int, ...], dtype: torch.dtype | None = None) -> torch.Tensor:
        return torch.randn(shape, generator=generator, dtype=dtype or torch.float32)

    inputs = operation.make_inputs(take, 5, **operation.sizes(preset))
    assert operation.reference is not None
    exact: Any = operation.reference(*inputs)
    scale = float(exact.abs().max())
    torch.testing.assert_close(operation.run(*inputs), exact, rtol=1e-4, atol=1e-5 * scale)


if __name__ == "__main__":
    main()
