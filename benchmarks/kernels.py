"""What moeprof's kernels cost: their machine code without a GPU, their time and energy on one.

    python benchmarks/kernels.py [--static] [--quick] [--tune] [--seed N] [--json FILE] [--md FILE]

`--static` stops after what needs no GPU: the gates, read from machine code, and a roofline estimate
from it. On a GPU every kernel is checked against float64 and then timed, as are torch and those
peers that can be imported: CUDA-graph replay over inputs that rotate through more than five L2
caches, medians over replays. `--tune` also tries other tiles, and prints rows for kernels/tiles.py.
"""

import argparse
import itertools
import json
import math
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from moeprof.device.nvml import Sensors, nvml
from moeprof.device.peaks import data_sheet
from moeprof.kernels import tiles
from moeprof.kernels.dequant_linear import dequant_linear, dequant_linear_reference
from moeprof.kernels.packing import pack, packed_shape
from moeprof.kernels.sass import MachineCode
from moeprof.kernels.static import (
    MIXTRAL_FC1,
    MOST_PER_TOKEN,
    MOST_PER_WEIGHT,
    dequant_linear_code,
    instructions_per_weight,
    topk_code,
)
from moeprof.kernels.tiles import Layer, Tile
from moeprof.kernels.topk import topk

SMALLER_LAYERS = (Layer(2048, 768, 4, 128), Layer(2048, 7168, 4, 128))  # Qwen3, DeepSeek-V3
OTHER_WEIGHTS: tuple[tuple[dict[str, Any], torch.dtype], ...] = (
    ({}, torch.float16),
    ({"bits": 8}, torch.bfloat16),
    ({"zeros": True}, torch.bfloat16),
    ({"bits": 8, "zeros": True}, torch.bfloat16),
    ({"group": 64}, torch.bfloat16),
    ({"group": 64, "zeros": True}, torch.bfloat16),
    ({"group": 32}, torch.bfloat16),
)
BATCHES = (1, 16, 64, 128, 256, 512)
ROUTERS = ((512, 128, 8), (512, 256, 8), (4096, 128, 8), (8192, 256, 8), (8192, 512, 8))
# Of an H200's floor, and against torch's bfloat16 linear (kernels at 256 and 512: with GELU).
FRACTION_GOALS = {1: 0.75, 16: 0.75, 64: 0.70, 128: 0.73, 256: 0.73, 512: 0.72}
SPEED_GOALS = {1: 2.9, 16: 2.8, 64: 2.1, 128: 1.15, 256: 0.95, 512: 0.9}
TOPK_GOALS_US = {(512, 256, 8): 2.0, (8192, 256, 8): 8.0}
# Bytes/s and FLOP/s that were measured on a GPU of that name; others go by their data sheet.
REACHED = {"H200": (4.3e12, 790e12)}
ESTIMATED = {"H200": (90, 132, 1.98e9), "H100": (90, 132, 1.98e9), "A100": (80, 108, 1.41e9)}
REPLAYS, CALLS, ENERGY_S = 25, 20, 1.0


def bytes_and_flops(layer: Layer, tokens: int) -> tuple[int, int]:
    """What one call of the layer on 16-bit activations moves at least, and computes."""
    weights = math.prod(packed_shape(layer.outputs, layer.inputs, layer.bits)) * 4
    scales = layer.inputs // layer.group * layer.outputs * 2
    activations = 2 * tokens * (layer.inputs + layer.outputs)
    return weights + scales + activations, 2 * tokens * layer.inputs * layer.outputs


def rates_of(name: str) -> tuple[float, float] | None:
    """Bytes/s and FLOP/s: measured, or else of the data sheet; None for an unknown GPU."""
    for known, rates in REACHED.items():
        if known in name:
            return rates
    sheet = data_sheet(name)
    if sheet is None or sheet.bytes_per_s is None:
        return None
    return sheet.bytes_per_s, sheet.flops_per_s["bfloat16"]


def floor_us(name: str, layer: Layer, tokens: int) -> float | None:
    """The least time that the GPU's memory and tensor cores allow."""
    rates = rates_of(name)
    if rates is None:
        return None
    moved, flops = bytes_and_flops(layer, tokens)
    return 1e6 * max(moved / rates[0], flops / rates[1])


def gates() -> Iterator[dict[str, Any]]:
    """Read the machine code of every tile of the table, and of the routers that have a gate."""
    for family, rows in itertools.product((80, 90, 100), MOST_PER_WEIGHT):
        tile, code = dequant_linear_code(MIXTRAL_FC1, rows, family)
        if tile.rows == rows:
            yield linear_gate(MIXTRAL_FC1, tile, code, MOST_PER_WEIGHT if family == 90 else {})
    for layer, rows in itertools.product(SMALLER_LAYERS, MOST_PER_WEIGHT):
        tile, code = dequant_linear_code(layer, rows, 90)
        if tile.rows == rows:
            yield linear_gate(layer, tile, code, MOST_PER_WEIGHT)
    for (change, dtype), rows in itertools.product(OTHER_WEIGHTS, MOST_PER_WEIGHT):
        layer = replace(MIXTRAL_FC1, **change)
        tile, code = dequant_linear_code(layer, rows, 90, dtype)
        if tile.rows == rows:
            yield linear_gate(layer, tile, code, {}, dtype)
    for (experts, k), most in MOST_PER_TOKEN.items():
        rows, code = topk_code(experts, k, 90)
        yield gate(f"topk {experts} k {k}", code, code.instructions / rows, most)


def linear_gate(
    layer: Layer,
    tile: Tile,
    code: MachineCode,
    most: Mapping[int, float],
    dtype: torch.dtype = torch.bfloat16,
) -> dict[str, Any]:
    """One row of a linear layer; `most` are the limits by rows of the tile."""
    weights = f"w{layer.bits} g{layer.group}{' zeros' if layer.zeros else ''} {str(dtype)[6:]}"
    name = f"{layer.inputs}->{layer.outputs} {weights}, {tile.rows} x {tile.outputs}"
    cost = instructions_per_weight(tile, code)
    return gate(f"dequant_linear {name}", code, cost, most.get(tile.rows))


def gate(name: str, code: MachineCode, cost: float, most: float | None) -> dict[str, Any]:
    """One row: what the machine code is, and whether it keeps its gate."""
    kept = code.spills == code.stack_bytes == code.narrow_copies == code.conversions == 0
    return {
        "kernel": name,
        "sm": code.architecture,
        "instructions": round(cost, 2),
        "most": most,
        "registers": code.registers,
        "spills": code.spills,
        "shared_bytes": code.shared_bytes,
        "matrix": code.matrix,
        "narrow_copies": code.narrow_copies,
        "permutes": code.permutes,
        "kept": kept and (most is None or (cost <= most and code.permutes <= 2)),
    }


def estimates() -> Iterator[dict[str, Any]]:
    """Roofline of fc1 from the counted instructions: estimated, nothing of it is measured."""
    for name, (family, multiprocessors, clock_hz) in ESTIMATED.items():
        for tokens in BATCHES:
            tile, code = dequant_linear_code(MIXTRAL_FC1, tokens, family)
            weights = MIXTRAL_FC1.outputs * MIXTRAL_FC1.inputs * -(-tokens // tile.rows)
            issued = weights * instructions_per_weight(tile, code)
            issue_us = 1e6 * issued / (multiprocessors * 128 * clock_hz)
            least_us = floor_us(name, MIXTRAL_FC1, tokens)
            assert least_us is not None, name
            yield {
                "gpu": name,
                "tokens": tokens,
                "floor_us": round(least_us, 2),
                "issue_us": round(issue_us, 2),
                "estimated_us": round(max(least_us, issue_us), 2),
            }


@dataclass(frozen=True)
class Timed:
    """One variant's row. `why` says what is missing, and why."""

    kernel: str
    size: str
    variant: str
    us: float | None = None
    of_floor: float | None = None
    joules: float | None = None
    error: float | None = None
    why: str | None = None


Calls = list[Callable[[], Any]]


class Bench:
    """Times lists of calls, one for each set of inputs, on the current GPU."""

    def __init__(self, seed: int) -> None:
        torch.manual_seed(seed)
        properties = torch.cuda.get_device_properties(0)
        self.name, self.l2_bytes = properties.name, properties.L2_cache_size
        self.uuid = f"GPU-{properties.uuid}"

    def sets_for(self, set_bytes: int) -> int:
        """How many sets of inputs walk more than five L2 caches."""
        return max(2, min(4096, 5 * self.l2_bytes // set_bytes + 1))

    def us(self, calls: Calls) -> tuple[float, torch.cuda.CUDAGraph]:
        """Median time of one call, and the graph that replays them all."""
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        with torch.cuda.stream(stream):
            for call in calls[:3]:
                call()
        stream.synchronize()
        repeats = -(-CALLS // len(calls))
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):
            for call in calls * repeats:
                call()
        times = []
        for _ in range(REPLAYS):
            begin, end = (
                torch.Event("cuda", enable_timing=True),
                torch.Event("cuda", enable_timing=True),
            )
            begin.record()
            graph.replay()
            end.record()
            end.synchronize()
            times.append(1e3 * begin.elapsed_time(end) / (len(calls) * repeats))
        return statistics.median(times), graph

    def joules(self, graph: torch.cuda.CUDAGraph, calls: int) -> float | None:
        """Energy of one call by NVML's counter over a second of replays; None where it has none."""
        with nvml() as library:
            sensors = Sensors(library, self.uuid)
            before, began, replays = sensors.energy()[0].value, time.perf_counter(), 0
            while time.perf_counter() - began < ENERGY_S:
                for _ in range(16):
                    graph.replay()
                torch.cuda.synchronize()
                replays += 16
            after = sensors.energy()[0].value
        if before is None or after is None:
            return None
        return float(after - before) / 1e3 / (replays * calls)

    def row(
        self, what: tuple[str, str, str], calls: Calls, error: float, least_us: float | None
    ) -> Timed:
        """Time and weigh a variant whose result has been checked."""
        us, graph = self.us(calls)
        count = len(calls) * -(-CALLS // len(calls))
        share = None if least_us is None else least_us / us
        return Timed(*what, us, share, self.joules(graph, count), error)


def relative_error(y: torch.Tensor, exact: torch.Tensor) -> float:
    """Distance in the 2-norm, relative to the exact result."""
    return float((y.double() - exact).norm() / exact.norm())


def time_linear(bench: Bench, layer: Layer, tokens: int, tune: bool) -> Iterator[Timed]:
    """fc1 with tanh GELU: ours, torch's, and peers'."""
    count = bench.sets_for(bytes_and_flops(layer, tokens)[0])
    q = torch.randint(0, 16, (layer.outputs, layer.inputs), device="cuda")
    packed, shape = pack(q), (layer.inputs // layer.group, layer.outputs)
    scales = (torch.rand(shape, device="cuda") * 0.02).bfloat16()
    xs = [torch.randn(tokens, layer.inputs, device="cuda").bfloat16() for _ in range(count)]
    sets = [(x, packed.clone(), scales.clone()) for x in xs]
    size, least_us = (
        f"{layer.inputs}->{layer.outputs} b{tokens}",
        floor_us(bench.name, layer, tokens),
    )
    exact = dequant_linear_reference(
        xs[0].double(), packed, scales.double(), activation="gelu_tanh"
    )
    low = dequant_linear_reference(xs[0], packed, scales, activation="gelu_tanh")
    error = relative_error(dequant_linear(*sets[0], activation="gelu_tanh"), exact)
    if error > 2 * relative_error(low, exact):
        yield Timed("dequant_linear", size, "ours", error=error, why="wrong: it is not timed")
        return

    def ours() -> Calls:
        return [partial(dequant_linear, *s, None, None, "gelu_tanh") for s in sets]

    yield bench.row(("dequant_linear", size, "ours"), ours(), error, least_us)
    if tune:
        yield from tuned(bench, layer, tokens, ours, size)
    weight = ((q - 8) * scales.T.repeat_interleave(layer.group, 1)).bfloat16()
    # Full-size weights are four times as large: fewer sets walk the same five caches.
    dense = [(x, weight.clone()) for x in xs[: max(2, bench.sets_for(2 * q.numel()))]]
    linear = torch.nn.functional.linear
    yield bench.row(
        ("dequant_linear", size, "torch linear"),
        [partial(linear, *s) for s in dense],
        0.0,
        least_us,
    )
    yield bench.row(
        ("dequant_linear", size, "torch linear + gelu"),
        [partial(linear_and_gelu, *s) for s in dense],
        relative_error(low, exact),
        least_us,
    )
    plain = dequant_linear_reference(xs[0].double(), packed, scales.double())
    for name, make in (("gemlite", gemlite_calls), ("torchao int4", torchao_calls)):
        try:
            calls = make(layer, q, scales, xs)
            peer_error = relative_error(calls[0](), plain)
            yield bench.row(("dequant_linear", size, name), calls, peer_error, least_us)
        except Exception as reason:  # a peer may be absent, or fail in any way
            why = f"{type(reason).__name__}: {reason}".splitlines()[0][:120]
            yield Timed("dequant_linear", size, name, why=why)


def linear_and_gelu(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """What a layer does without fusion."""
    y = torch.nn.functional.linear(x, weight)
    return torch.nn.functional.gelu(y, approximate="tanh")


def gemlite_calls(layer: Layer, q: torch.Tensor, scales: torch.Tensor, xs: Any) -> Calls:
    """gemlite's linear layer on the same weights, a copy for each set."""
    from gemlite.helper import A16Wn  # type: ignore[import-not-found]

    by_row = scales.T.reshape(-1, 1)
    arguments = (q.to(torch.uint8), by_row, torch.full_like(by_row, 8), 4, layer.group, None)
    layers = [A16Wn(device="cuda").from_weights(*arguments) for _ in xs]
    return [partial(f, x) for f, x in zip(layers, xs, strict=True)]


def torchao_calls(layer: Layer, q: torch.Tensor, scales: torch.Tensor, xs: Any) -> Calls:
    """torchao's int4 layer; it quantises by itself, so its error is of its own weights too."""
    from torchao.quantization import (  # type: ignore[import-not-found]
        Int4WeightOnlyConfig,
        quantize_,
    )

    weight = ((q - 8) * scales.T.repeat_interleave(layer.group, 1)).bfloat16()
    layers = []
    for _ in xs:
        linear = torch.nn.Linear(layer.inputs, layer.outputs, bias=False, device="meta")
        linear.weight = torch.nn.Parameter(weight, requires_grad=False)
        quantize_(linear, Int4WeightOnlyConfig(group_size=layer.group))
        layers.append(linear)
    return [partial(f, x) for f, x in zip(layers, xs, strict=True)]


def tuned(
    bench: Bench, layer: Layer, tokens: int, ours: Callable[[], Calls], size: str
) -> Iterator[Timed]:
    """Try the neighbours of the chosen tile; the best is a row for MEASURED."""
    gpu = tiles.gpu_at(0)
    chosen = tiles.choose_tile(gpu, layer, tokens)
    key = (gpu.name, layer, tiles.rows_for(gpu, tokens))
    times: dict[Tile, float] = {}
    for outputs, warps, stages, splits in itertools.product(
        (64, 128), (4, 8), range(2, chosen.stages + 2), (1, 2, 3, 4, 6, 8)
    ):
        tile = replace(chosen, outputs=outputs, warps=warps, stages=stages, splits=splits)
        tiles.MEASURED[key] = tile
        try:
            times[tile] = bench.us(ours())[0]
        except Exception:  # a tile that does not fit this GPU is no candidate
            continue
        finally:
            del tiles.MEASURED[key]
    best = min(times, key=times.__getitem__)
    yield Timed("dequant_linear", size, f"MEASURED[{key}] = {best}", times[best])


def time_topk(bench: Bench, tokens: int, experts: int, k: int) -> Iterator[Timed]:
    """Routing with the softmax over the picked: ours, torch's, vLLM's, sglang's."""
    count = bench.sets_for(tokens * experts * 4)
    sets = [torch.randn(tokens, experts, device="cuda") for _ in range(count)]
    size, rates = f"{tokens}x{experts} k{k}", rates_of(bench.name)
    least_us = None if rates is None else 1e6 * tokens * (4 * experts + 8 * k) / rates[0]
    exact, ids = torch.topk(sets[0].double(), k)
    weights, ours = topk(sets[0], k)
    error = float((weights - torch.softmax(exact, 1)).abs().max())
    if error > 1e-5 or not torch.equal(ours.long(), ids):
        yield Timed("topk", size, "ours", error=error, why="wrong: it is not timed")
        return
    yield bench.row(("topk", size, "ours"), [partial(topk, s, k) for s in sets], error, least_us)

    def by_torch(logits: torch.Tensor) -> torch.Tensor:
        return torch.softmax(torch.topk(logits, k).values, dim=1)

    calls: Calls = [partial(by_torch, s) for s in sets]
    yield bench.row(("topk", size, "torch.topk + softmax"), calls, 0.0, least_us)
    for name, open_router in (("vllm", vllm_router), ("sglang", sglang_router)):
        variant = f"{name} topk_softmax"
        out = weights.clone(), ours.clone()
        try:
            calls = [partial(open_router(*out), s) for s in sets]
            calls[0]()
            error = float((out[0] - torch.softmax(exact, 1)).abs().max())
            yield bench.row(("topk", size, variant), calls, error, least_us)
        except Exception as reason:  # a peer may be absent, or fail in any way
            why = f"{type(reason).__name__}: {reason}".splitlines()[0][:120]
            yield Timed("topk", size, variant, why=why)


def vllm_router(weights: torch.Tensor, ids: torch.Tensor) -> Callable[[torch.Tensor], Any]:
    """vLLM's router kernel, which writes renormalised weights and ids."""
    from vllm._custom_ops import topk_softmax  # type: ignore[import-not-found]

    rows = ids.clone()
    return lambda logits: topk_softmax(weights, ids, rows, logits, True)


def sglang_router(weights: torch.Tensor, ids: torch.Tensor) -> Callable[[torch.Tensor], Any]:
    """sglang's, likewise."""
    from sgl_kernel import topk_softmax  # type: ignore[import-not-found]

    return lambda logits: topk_softmax(weights, ids, logits, True)


def goals_of(rows: list[Timed], gpu: str) -> Iterator[dict[str, Any]]:
    """The goals, which are those of an H200."""
    if "H200" not in gpu:
        return
    us = {(row.size, row.variant): row.us for row in rows}
    for row in rows:
        if row.variant != "ours" or row.us is None:
            continue
        if row.kernel == "topk":
            shape = tuple(int(n) for n in row.size.replace("x", " ").replace("k", "").split())
            if shape in TOPK_GOALS_US:
                yield goal(f"topk {row.size}", row.us, "us", TOPK_GOALS_US[shape], most=True)
            continue
        tokens = int(row.size.rpartition("b")[2])
        assert row.of_floor is not None
        yield goal(f"{row.size} of floor", row.of_floor, "", FRACTION_GOALS[tokens])
        for variant, least in (
            ("torch linear", SPEED_GOALS[tokens]),
            ("torch linear + gelu", 1.0 if tokens >= 256 else 0.0),
            ("gemlite", {1: 1.7, 16: 2.2, 256: 2.0}.get(tokens, 0.0)),
        ):
            peer = us.get((row.size, variant))
            if peer is not None and least:
                yield goal(f"{row.size} against {variant}", peer / row.us, "x", least)


def goal(name: str, value: float, unit: str, bound: float, most: bool = False) -> dict[str, Any]:
    """One goal as every benchmark lists it."""
    met = value <= bound if most else value >= bound
    return {"name": name, "value": value, "unit": unit, "goal": bound, "met": met}


def table(rows: list[dict[str, Any]]) -> str:
    """Rows as a table of Markdown."""
    if not rows:
        return ""
    lines = [" | ".join(rows[0]), " | ".join("---" for _ in rows[0])]
    lines += [" | ".join(shown(value) for value in row.values()) for row in rows]
    return "\n".join(f"| {line} |" for line in lines) + "\n"


def shown(value: Any) -> str:
    """A value for a person."""
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def measured(arguments: argparse.Namespace) -> list[Timed]:
    """Measure on the GPU, within eight minutes."""
    bench, rows, began = Bench(arguments.seed), [], time.perf_counter()
    batches = (1, 256) if arguments.quick else BATCHES
    routers = ROUTERS[:1] if arguments.quick else ROUTERS
    sources = [time_linear(bench, MIXTRAL_FC1, tokens, arguments.tune) for tokens in batches]
    sources += [time_topk(bench, *router) for router in routers]
    for source in sources:
        if time.perf_counter() - began > 420:
            rows.append(Timed("", "", "", why="seven minutes are over: the rest is not measured"))
            break
        rows += list(source)
        torch.cuda.empty_cache()
    return rows


def main() -> None:
    """Read the command line, measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--static", action="store_true", help="only what needs no GPU")
    parser.add_argument("--quick", action="store_true", help="end within a minute")
    parser.add_argument("--tune", action="store_true", help="try other tiles too")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, help="not used: the inputs are made")
    parser.add_argument("--json", type=Path, help="write everything there")
    parser.add_argument("--md", type=Path, help="write the tables there")
    arguments = parser.parse_args()
    gated, estimated = list(gates()), list(estimates())
    text = f"Machine code, by Triton's compiler:\n\n{table(gated)}\n"
    text += f"fc1 4096->14336, **estimated** from it, not measured:\n\n{table(estimated)}\n"
    rows: list[Timed] = []
    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    if gpu is None:
        text += "No GPU here: no time and no energy is measured.\n"
    elif not arguments.static:
        rows = measured(arguments)
        text += f"Measured on {gpu}:\n\n{table([asdict(row) for row in rows])}\n"
    limited = [row for row in gated if row["most"] is not None]
    names = [f"{row['kernel']} sm_{row['sm']}" for row in limited]
    goals = [
        goal(name, row["instructions"], "", row["most"], most=True)
        for name, row in zip(names, limited, strict=True)
    ]
    goals += list(goals_of(rows, gpu or ""))
    text += f"{sum(one['met'] for one in goals)} of {len(goals)} goals met\n"
    print(text, end="")
    if arguments.md:
        arguments.md.write_text(text)
    if arguments.json:
        body = {
            "benchmark": "kernels",
            "machine": platform.machine(),
            "gpu": gpu,
            "versions": {"torch": torch.__version__, "python": platform.python_version()},
            "seed": arguments.seed,
            "gates": gated,
            "estimates": estimated,
            "rows": [asdict(row) for row in rows],
            "goals": goals,
        }
        arguments.json.write_text(json.dumps(body, indent=1))


if __name__ == "__main__":
    main()
