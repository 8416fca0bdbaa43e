"""How well the cost model predicts what it was not given, beside the methods that peers use.

    python benchmarks/costmodel.py [--quick] [--seed N] [--data DIR] [--json FILE] [--peers DIR]

`--data` holds tidy tables (Parquet: gpu, family, op, key, m, t_us; optionally version, N, K,
power_w; activated_experts and topk for a MoE). Without it, $MOEPROF_SAMPLE_DATA/ops.

A quarter of each curve's sizes is reserved before any design sees them. Ours measures as a sweep
would and fits as `build-model` does. Each peer method gets the very points that ours chose, and
linear also as many random ones. Errors are |predicted / measured - 1| on the reserved sizes: median
and 95th percentile of a curve, and of those the median over curves and seeds.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import timeit
import venv
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.interpolate import PchipInterpolator

from moeprof.costmodel.acquisition import replay
from moeprof.costmodel.build import build_model
from moeprof.costmodel.curve import choose_fit, fit_losses, interpolate, log_jumps
from moeprof.costmodel.gate import check_row
from moeprof.costmodel.imported import Imported, ImportedTable, origin_of, points_of, provenance_of
from moeprof.costmodel.intervals import Scored, half_widths, interval_scores, quantile_or_prior
from moeprof.costmodel.model import KernelCostModel
from moeprof.costmodel.outside import extend
from moeprof.costmodel.power_gate import judge_power
from moeprof.costmodel.roofline import Roofline
from moeprof.costmodel.surface import left_out_errors
from moeprof.device.peaks import data_sheet
from moeprof.store.cost_model import Work
from moeprof.store.document import to_json, write_document
from moeprof.store.scenario import Scenario

SETTINGS = ((512, 24), (4096, 64))
RESOLVED_US = 20.0  # vidur's clock ticks in us: only times that it resolves to 5 % are scored
LIMITS = {
    "gemm": {24: (0.010, 0.05), 64: (0.011, 0.05)},
    "other": {24: (0.015, 0.06), 64: (0.015, 0.06)},
}
PEERS = """
import json, sys
import numpy as np
from sklearn.ensemble import RandomForestRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
import warnings
warnings.simplefilter("ignore")
out = []
for x, y, q in json.load(sys.stdin):
    x, y, q = (np.array(v, dtype=float) for v in (x, y, q))
    forest = RandomForestRegressor(250, max_depth=16, random_state=0).fit(x[:, None], y)
    mean, scale = np.log(y).mean(), np.log(y).std() + 1e-9
    kernel = ConstantKernel() * Matern(1.0, (0.05, 20), nu=1.5) + WhiteKernel(1e-3, (1e-6, 1e-1))
    process = GaussianProcessRegressor(kernel, random_state=0)
    process.fit(np.log(x)[:, None], (np.log(y) - mean) / scale)
    gp = np.exp(process.predict(np.log(q)[:, None]) * scale + mean)
    out.append([forest.predict(q[:, None]).tolist(), gp.tolist()])
json.dump(out, sys.stdout)
"""
AICONFIGURATOR = """
import timeit
from aiconfigurator_core.sdk import common
from aiconfigurator_core.sdk.operations import GEMM
from aiconfigurator_core.sdk.perf_database import get_database
op = GEMM("gemm", 1, 4096, 4096, common.GEMMQuantMode.bfloat16)
base = get_database("h200_sxm", "vllm", "0.24.0")
ask = lambda: op.query(base, x=37)
ask()
print(min(timeit.repeat(ask, number=2000, repeat=3)) / 2000 * 1e9)
"""


@dataclass(frozen=True)
class Curve:
    """One curve of a table, ascending in m; `work` where its shape is known."""

    table: str
    gpu: str
    family: str
    key: str
    m: np.ndarray
    t: np.ndarray
    work: Work | None

    @property
    def bound(self) -> Roofline | None:
        """Roofline of the curve, where the GPU and the shape are known."""
        peaks = data_sheet(self.gpu)
        if peaks is None or self.work is None:
            return None
        return Roofline(self.work, peaks.flops_per_s["bfloat16"], peaks.bytes_per_s)


def read_curves(folder: Path) -> Iterator[Curve]:
    """Give every curve of every tidy table in a folder."""
    for path in sorted(folder.glob("*.parquet")):
        table = pd.read_parquet(path)
        if not {"gpu", "family", "op", "key", "m", "t_us"} <= set(table.columns):
            continue
        if "activated_experts" in table.columns:
            continue
        by = ["gpu", "op", "key"] + (["version"] if "version" in table.columns else [])
        for names, rows in table.groupby(by):
            rows = rows.groupby("m").first().reset_index().sort_values("m")
            version = f" {names[3]}" if len(names) > 3 and path.stem.startswith("aic") else ""
            first = rows.iloc[0]
            yield Curve(
                path.stem + version,
                str(names[0]),
                first.family,
                f"{names[1]} {names[2]}",
                rows.m.to_numpy(np.int64),
                rows.t_us.to_numpy(float),
                _work(first),
            )


def _work(row: Any) -> Work | None:
    if pd.notna(row.get("N")) and pd.notna(row.get("K")):
        n, k = int(row.N), int(row.K)
        return Work(0.0, 2.0 * n * k, 2.0 * n * k, 2.0 * (n + k))
    if pd.notna(row.get("elems_per_row")):
        return Work(0.0, 0.0, 0.0, 2.0 * int(row.elems_per_row))
    return None


@dataclass(frozen=True)
class Trial:
    """A curve with a quarter reserved: what may be measured, what ours measured, what is asked."""

    curve: Curve
    rest: dict[int, float]
    chosen: dict[int, float]
    asked: np.ndarray
    truth: np.ndarray


def trial(curve: Curve, most: int, points: int, rng: np.random.Generator) -> Trial | None:
    """Reserve a quarter of a curve, and measure the rest as a sweep would."""
    keep = curve.m <= most
    m, t = curve.m[keep], curve.t[keep]
    if len(m) < 20 or (m[-1] <= SETTINGS[0][0] + 1 and most > SETTINGS[0][0] + 1):
        return None
    held = np.sort(rng.choice(np.arange(1, len(m) - 1), len(m) // 4, replace=False))
    rest = {int(s): float(v) for s, v in zip(np.delete(m, held), np.delete(t, held), strict=True)}
    coarse = float(np.mean(np.abs(2 * t - np.round(2 * t)) < 2e-3)) > 0.9  # half a us or one
    scored = held[t[held] >= (RESOLVED_US if coarse else 0.0)]
    if len(scored) < 5 or (coarse and curve.family == "gemm" and t.min() < RESOLVED_US):
        return None
    return Trial(curve, rest, replay(rest, points), m[scored], t[scored])


def arrays(points: dict[int, float]) -> tuple[np.ndarray, np.ndarray]:
    """Sizes and times, ascending."""
    sizes = sorted(points)
    return np.array(sizes, dtype=np.int64), np.array([points[size] for size in sizes])


def ours(trials: Sequence[Trial], points: Callable[[Trial], dict[int, float]]) -> list[np.ndarray]:
    """Predict with the fits that build-model would choose for these curves together."""
    known = [arrays(points(one)) for one in trials]
    losses = [fit_losses(*one) for one in known]
    return [
        interpolate(choose_fit(own, losses), x, y, one.asked)
        for own, (x, y), one in zip(losses, known, trials, strict=True)
    ]


def polynomial(x: np.ndarray, y: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Degree 1 to 5 by leave-one-out: vidur's alternative to its forest."""

    def left_out(degree: int) -> float:
        hat = np.vander(x / x[-1], degree + 1)
        project = hat @ np.linalg.pinv(hat)
        return float(np.abs((y - project @ y) / (1 - np.diag(project)) / y).sum())

    best = min(range(1, 6), key=left_out)
    return np.maximum(1e-3, np.polyval(np.polyfit(x / x[-1], y, best), q / x[-1]))


def rooflines(one: Trial, x: np.ndarray, y: np.ndarray) -> np.ndarray | None:
    """Launch and roofline over efficiency: two parameters."""
    bound = one.curve.bound
    if bound is None:
        return None
    base = bound.bound_us(x)
    launches = [0.0, *np.quantile(y, [0, 0.05, 0.1])]

    def fitted(launch: float) -> tuple[float, float, float]:
        scale = float(np.median(np.log(np.maximum(y - launch, 1e-3) / base)))
        return float(np.median(np.abs(np.log((launch + base * np.exp(scale)) / y)))), launch, scale

    _, launch, scale = min(map(fitted, launches))
    return np.asarray(launch + bound.bound_us(one.asked) * np.exp(scale))


def predictions(
    trials: Sequence[Trial], rng: np.random.Generator, peers: Path | None
) -> dict[str, list[Any]]:
    """Predict the reserved sizes of each trial by every method."""
    found: dict[str, list[Any]] = {
        "ours": ours(trials, lambda one: one.chosen),
        "ours, every point": ours(trials, lambda one: one.rest),
    }
    names = (
        "linear",
        "log-log",
        "PCHIP",
        "polynomial",
        "nearest",
        "roofline",
        "linear, random points",
    )
    found |= {name: [] for name in names}
    for one in trials:
        x, y = arrays(one.chosen)
        sizes, times = arrays(one.rest)
        drawn = np.sort(
            rng.choice(np.arange(1, len(sizes) - 1), min(len(x), len(sizes)) - 2, replace=False)
        )
        drawn = np.r_[0, drawn, len(sizes) - 1]
        found["linear"].append(np.interp(one.asked, x, y))
        found["log-log"].append(np.exp(np.interp(np.log(one.asked), np.log(x), np.log(y))))
        found["PCHIP"].append(PchipInterpolator(x, y)(one.asked))
        found["polynomial"].append(polynomial(x, y, one.asked))
        found["nearest"].append(y[np.abs(x[None] - one.asked[:, None]).argmin(1)])
        found["roofline"].append(rooflines(one, x, y))
        found["linear, random points"].append(np.interp(one.asked, sizes[drawn], times[drawn]))
    if peers is not None:
        jobs = [[*(v.tolist() for v in arrays(one.chosen)), one.asked.tolist()] for one in trials]
        answer = subprocess.run(
            [peers / "bin/python", "-c", PEERS],
            input=json.dumps(jobs),
            text=True,
            capture_output=True,
            check=True,
        )
        both = json.loads(answer.stdout)
        found["RandomForest"] = [np.array(forest) for forest, _ in both]
        found["Gaussian process"] = [np.array(process) for _, process in both]
    return found


def accuracy(
    curves: list[Curve], seeds: range, cap: int, peers: Path | None
) -> Iterator[dict[str, Any]]:
    """Median errors by table, GPU, family, range and method."""
    groups: defaultdict[tuple[str, str, str], list[Curve]] = defaultdict(list)
    for curve in curves:
        if curve.family != "moe":
            groups[curve.table, curve.gpu, curve.family].append(curve)
    for (table, gpu, family), members in groups.items():
        for most, points in SETTINGS:
            scores: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
            count = 0
            for seed in seeds:
                rng = np.random.default_rng(seed)
                some = rng.permutation(len(members))[:cap]
                drawn = [trial(members[i], most + 1, points, rng) for i in some]
                trials = [one for one in drawn if one is not None]
                if not trials:
                    continue
                count = max(count, len(trials))
                use = peers if seed == seeds[0] else None
                for name, values in predictions(trials, rng, use).items():
                    for one, value in zip(trials, values, strict=True):
                        if value is not None:
                            error = np.abs(value / one.truth - 1)
                            scores[name].append(
                                (float(np.median(error)), float(np.quantile(error, 0.95)))
                            )
            for name, pairs in scores.items():
                median, p95 = np.median(pairs, axis=0)
                yield {
                    "table": table,
                    "gpu": gpu,
                    "family": family,
                    "most": most,
                    "points": points,
                    "curves": count,
                    "method": name,
                    "median": float(median),
                    "p95": float(p95),
                }


def moe(folder: Path) -> Iterator[tuple[str, float, float]]:
    """Left-out errors of each table over tokens and active experts."""
    for path in sorted(folder.glob("*.parquet")):
        table = pd.read_parquet(path)
        if {"activated_experts", "topk", "m", "t_us"} <= set(table.columns):
            for key, rows in table.groupby("key"):
                sizes = rows.m.to_numpy(np.int64), rows.activated_experts.to_numpy(np.int64)
                errors = np.expm1(
                    left_out_errors(*sizes, rows.t_us.to_numpy(float), int(rows.topk.iloc[0]))
                )
                yield (
                    f"{path.stem} {key}",
                    float(np.median(errors)),
                    float(np.quantile(errors, 0.95)),
                )


def extrapolation(curves: list[Curve]) -> dict[int, float]:
    """Median over GEMM and activation curves of the median error up to 2 and 4 times beyond."""
    found: dict[int, list[float]] = {2: [], 4: []}
    for curve in curves:
        if (
            curve.bound is None
            or curve.m[-1] < 4000
            or (curve.family == "gemm" and curve.t.min() < RESOLVED_US)
        ):
            continue
        m, t = curve.m[curve.m <= 4096], curve.t[curve.m <= 4096]
        for factor, errors in found.items():
            inner = {int(s): float(v) for s, v in zip(m, t, strict=True) if s <= m[-1] / factor}
            x, y = arrays(replay(inner, 24))
            asked = m > m[-1] / factor
            errors.append(
                float(np.median(np.abs(extend(x, y, curve.bound, m[asked]) / t[asked] - 1)))
            )
    return {factor: float(np.median(errors)) for factor, errors in found.items() if errors}


def calibration(curves: list[Curve], seeds: range) -> dict[str, float]:
    """Coverage and half width at nominal 90 %, each model being the curves of one key or table."""
    models: defaultdict[tuple[str, str, str], list[Curve]] = defaultdict(list)
    for curve in curves:
        if curve.family != "moe":
            models[
                curve.table, curve.gpu, curve.key.split(" ", 1)[1] if "vidur" in curve.table else ""
            ].append(curve)
    covered: list[np.ndarray] = []
    halves: list[np.ndarray] = []
    for seed in seeds:
        for members in models.values():
            rng = np.random.default_rng(seed)
            made = []
            for curve in members:
                one = trial(curve, 513, 24, rng)
                if one is None:
                    continue
                spare = sorted(one.rest)[1:-1]
                drawn = set(rng.choice(spare, 8, replace=False).tolist())
                x, y = arrays(
                    replay(one.rest, 24, domain=[s for s in sorted(one.rest) if s not in drawn])
                )
                given = np.array(sorted(drawn), dtype=np.int64)
                fit = choose_fit(fit_losses(x, y))
                made.append(
                    (
                        Scored(
                            fit, x, y, None, given, np.array([one.rest[s] for s in given.tolist()])
                        ),
                        one,
                    )
                )
            scores = interval_scores(scored for scored, _ in made)
            for scored, one in made:
                jumps = log_jumps(scored.tokens, scored.values, one.asked)
                half = half_widths(quantile_or_prior(scores, 90), scored.floor, jumps)
                predicted = interpolate(scored.fit, scored.tokens, scored.values, one.asked)
                covered.append(np.abs(np.log(predicted / one.truth)) <= half)
                halves.append(half)
    if not covered:
        return {}
    return {
        "coverage": float(np.concatenate(covered).mean()),
        "half_width": float(np.median(np.concatenate(halves))),
    }


def gates(folder: Path) -> Iterator[dict[str, Any]]:
    """What the two gates say of each table."""
    for path in sorted(folder.glob("*.parquet")):
        table = pd.read_parquet(path)
        if "step_duration_us" in table.columns:
            peaks = data_sheet("H100")
            assert peaks is not None
            rows = zip(table.step_duration_us, table.params * 2 / table.tp, strict=True)
            bad = [
                check_row(t, 0.0, moved, peaks, dtype="bfloat16") is not None for t, moved in rows
            ]
            yield {"table": path.stem, "what": "steps refused", "share": float(np.mean(bad))}
        if "power_w" in table.columns and {"key", "m", "t_us"} <= set(table.columns):
            power = table[table.power_w.notna()]
            verdict = judge_power(
                [list(zip(g.m, g.t_us, g.power_w, strict=True)) for _, g in power.groupby("key")]
            )
            yield {
                "table": path.stem,
                "what": f"power trusted: {verdict.trusted}",
                "share": verdict.apart / max(1, verdict.pairs),
            }


def seven_op_model() -> KernelCostModel:
    """Seven synthetic GEMMs of an A100, 24 + 8 points each, through the real build."""
    rows = []
    for index in range(7):
        for size in range(1, 513, 12):
            shape = (4096, 2048 + 512 * index)
            work = (2 * size * shape[0] * shape[1], 2 * (shape[0] * shape[1] + size * sum(shape)))
            scenario = Scenario(f"op{index}", size, shape, "float16", *work)
            rows.append(Imported(scenario, 40 + 12.0 * -(-size // 64) + 0.01 * size + index))
    table = ImportedTable(tuple(rows), "A100", {}, origin_of("synthetic", "none", "none", []))
    points, origin = points_of(table)
    started = time.perf_counter()
    file = build_model(
        points,
        preset="bench",
        provenance=provenance_of(table),
        points_sha256="0" * 64,
        origin=origin,
    )
    model = KernelCostModel(file)
    model.build_s = time.perf_counter() - started  # type: ignore[attr-defined]
    return model


def speed(peers: Path | None) -> dict[str, float]:
    """Look-up, load and build times, ours and peers."""
    model = seven_op_model()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        write_document(path, model.file)
        KernelCostModel.load(path)
        load = min(timeit.repeat(lambda: KernelCostModel.load(path), number=1, repeat=7))
    sizes = np.random.default_rng(0).integers(1, 500, 2048)
    curve = model.curves[0]
    pchip = PchipInterpolator(curve.knots_tokens, curve.latency_us)
    assert model.get_cost("op0", 37).latency_us == model.get_costs("op0", [37]).latency_us[0]

    def best(code: str, number: int) -> float:
        names = {"get": model.get_cost, "many": model.get_costs, "sizes": sizes, "pchip": pchip}
        return min(timeit.repeat(code, globals=names, number=number, repeat=9)) / number

    found = {
        "get_cost_ns": best("get('op0', 37)", 100_000) * 1e9,
        "get_costs_2048_us": best("many('op0', sizes).latency_us", 3000) * 1e6,
        "scipy_pchip_ns": best("pchip(37)", 5000) * 1e9,
        "load_ms": load * 1e3,
        "build_s": model.build_s,  # type: ignore[attr-defined]
        "file_kb": len(to_json(model.file)) / 1000,
    }
    if peers is not None:
        answer = subprocess.run(
            [peers / "bin/python", "-c", AICONFIGURATOR],
            text=True,
            capture_output=True,
            check=False,
        )
        try:
            found["aiconfigurator_ns"] = float(answer.stdout.split()[-1])
        except (IndexError, ValueError):
            print(
                "aiconfigurator skipped:",
                (answer.stderr.strip().splitlines() or ["no answer"])[-1],
                file=sys.stderr,
            )
    return found


def peers_at(folder: Path | None) -> Path | None:
    """A virtual environment with the peers; None, with the reason, where it cannot be had."""
    path = folder or Path(tempfile.gettempdir()) / "moeprof-peers-costmodel"
    try:
        if not (path / "bin/python").exists():
            venv.create(path, with_pip=True)
            wanted = ["scikit-learn", "scipy", "aiconfigurator-core"]
            subprocess.run(
                [path / "bin/python", "-m", "pip", "install", "--quiet", *wanted],
                check=True,
                capture_output=True,
            )
        return path
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"peers skipped: {error}", file=sys.stderr)
        return None


def ratio(value: float, by: float) -> float:
    """Quotient of two errors, to which a millionth is added: both may be nothing."""
    return round((value + 1e-6) / (by + 1e-6), 3)


def repeat_noise(folder: Path) -> dict[str, tuple[float, float]]:
    """Median and p95 difference of rows of one point, in tables with ten such pairs."""
    found: dict[str, tuple[float, float]] = {}
    for path in sorted(folder.glob("*.parquet")):
        table = pd.read_parquet(path)
        by = [name for name in ("gpu", "op", "key", "version", "m") if name in table.columns]
        if len(by) < 4 or "t_us" not in table.columns:
            continue
        pairs = [
            g.t_us.to_numpy()[:2] for _, g in table[table.duplicated(by, keep=False)].groupby(by)
        ]
        if len(pairs) >= 10:
            apart = np.abs(np.array([a / b - 1 for a, b in pairs]))
            found[path.stem] = float(np.median(apart)), float(np.quantile(apart, 0.95))
    return found


def goals_of(
    rows: list[dict[str, Any]], noise: dict[str, tuple[float, float]]
) -> Iterator[tuple[str, float, str, float]]:
    """Each goal as (name, value, unit, limit)."""
    of: defaultdict[tuple[Any, ...], dict[str, dict[str, Any]]] = defaultdict(dict)
    for row in rows:
        of[row["table"], row["gpu"], row["family"], row["points"]][row["method"]] = row
    for (table, gpu, family, points), methods in of.items():
        name = f"{table} {gpu} {family}, {points} points"
        if methods["ours"]["curves"] < 3:
            continue
        mine, linear, whole = methods["ours"], methods["linear"], methods["ours, every point"]
        median, p95 = LIMITS["gemm" if family == "gemm" else "other"][points]
        if table.split(" ")[0] in noise:  # what its own repeats differ by is no fault of a fit
            floors = noise[table.split(" ")[0]]
            name += f" (repeats differ by {floors[0]:.1%} / {floors[1]:.1%})"
            median, p95 = max(median, 1.2 * floors[0]), max(p95, 1.2 * floors[1])
        yield f"{name}: median", mine["median"], "", median
        yield f"{name}: p95", mine["p95"], "", p95
        yield f"{name}: median to linear's", ratio(mine["median"], linear["median"]), "", 1.1
        yield f"{name}: p95 to linear's", ratio(mine["p95"], linear["p95"]), "", 1.0
        yield f"{name}: p95 to that of every point", ratio(mine["p95"], whole["p95"]), "", 1.6


def main() -> None:
    """Run it."""
    words = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    words.add_argument("--quick", action="store_true")
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--data", type=Path)
    words.add_argument("--json", type=Path)
    words.add_argument(
        "--peers", type=Path, help="virtual environment with scikit-learn; made if left out"
    )
    args = words.parse_args()
    folder = args.data or (
        Path(os.environ["MOEPROF_SAMPLE_DATA"]) / "ops"
        if "MOEPROF_SAMPLE_DATA" in os.environ
        else None
    )
    if folder is None or not folder.is_dir():
        sys.exit("there is no data: name --data, or set MOEPROF_SAMPLE_DATA")
    started = time.perf_counter()
    peers = None if args.quick and args.peers is None else peers_at(args.peers)
    seeds = range(args.seed, args.seed + (2 if args.quick else 5))
    curves = list(read_curves(folder))
    rows = list(accuracy(curves, seeds, 12 if args.quick else 60, peers))
    goals = list(goals_of(rows, repeat_noise(folder)))
    frame = pd.DataFrame(rows)
    if rows:
        frame["error"] = [f"{100 * r['median']:.2f} / {100 * r['p95']:.1f}" for r in rows]
        for key, group in frame.groupby(["table", "gpu", "family", "points"], sort=False):
            cells = ", ".join(f"{r.method} {r.error}" for r in group.itertuples())
            print(f"{' '.join(map(str, key))} points ({group.curves.iloc[0]} curves): {cells}")
    for name, median, p95 in moe(folder):
        goals += [
            (f"MoE {name}: left-out median", median, "", 0.045),
            (f"MoE {name}: left-out p95", p95, "", 0.16),
        ]
    for factor, error in extrapolation(curves).items():
        goals.append((f"extrapolation {factor}x: median", error, "", {2: 0.04, 4: 0.07}[factor]))
    covers = calibration(curves, seeds)
    if covers:
        goals.append(
            (
                "90 % intervals: distance of coverage from 91.5 %",
                abs(covers["coverage"] - 0.915),
                "",
                0.035,
            )
        )
        goals.append(("90 % intervals: half width", covers["half_width"], "", 0.05))
    checks = list(gates(folder))
    times = speed(peers)
    limits = {
        "get_cost_ns": 150,
        "get_costs_2048_us": 10,
        "load_ms": 50,
        "build_s": 1,
        "file_kb": 150,
    }
    goals += [(name, times[name], name.rsplit("_", 1)[1], limit) for name, limit in limits.items()]
    print(json.dumps({"intervals": covers, "gates": checks, "speed": times}, indent=1))
    listed = [
        {"name": n, "value": v, "unit": u, "goal": g, "met": bool(v <= g)} for n, v, u, g in goals
    ]
    for name, value, _, limit in goals:
        met = "met   " if value <= limit else "MISSED"
        print(f"{met} {name}: {value:.4g} (at most {limit:g})")
    load, took_s = os.getloadavg()[0], time.perf_counter() - started
    met_goals = sum(value <= limit for _, value, _, limit in goals)
    print(f"{met_goals} of {len(goals)} goals met; {took_s:.0f} s; load {load:.1f}")
    if args.json:
        body = {
            "benchmark": "costmodel",
            "machine": platform.processor() or platform.machine(),
            "cpus": os.cpu_count(),
            "load": load,
            "python": platform.python_version(),
            "numpy": np.__version__,
            "seed": args.seed,
            "rows": rows,
            "intervals": covers,
            "gates": checks,
            "speed": times,
            "goals": listed,
        }
        args.json.write_text(json.dumps(body, indent=1) + "\n")


if __name__ == "__main__":
    main()
