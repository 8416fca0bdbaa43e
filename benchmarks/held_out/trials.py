"""Curves of tidy tables, and trials on them: a quarter of the sizes reserved, some measured."""

import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from moeprof.costmodel.curve.next_size import simulate_sampling
from moeprof.costmodel.roofline import Roofline, roofline
from moeprof.device.peaks import data_sheet
from moeprof.store.cost_model import Work

SETTINGS = ((512, 24), (4096, 64))  # the largest size, and how many may be measured up to it
RESOLVED_US = 20.0  # vidur's clock ticks in us: only times that it resolves to 5 % are scored
_NEEDED = {"gpu", "family", "op", "key", "m", "t_us"}


@dataclass(frozen=True)
class Curve:
    """One curve of a table, ascending in m; `bound` where its GPU and its shape are known."""

    table: str
    gpu: str
    family: str
    key: str
    m: np.ndarray
    t: np.ndarray
    bound: Roofline | None


def tables_folder(named: Path | None) -> Path:
    """The folder of tidy tables: `named`, or that of the samples. Raises SystemExit without one."""
    home = os.environ.get("MOEPROF_SAMPLE_DATA")
    folder = named or (None if home is None else Path(home) / "ops")
    if folder is None or not folder.is_dir():
        raise SystemExit("there is no data: name --data, or set MOEPROF_SAMPLE_DATA")
    return folder


def read_curves(folder: Path) -> Iterator[Curve]:
    """Give every curve of every tidy table in a folder; rows of one size count as their mean."""
    for path in sorted(folder.glob("*.parquet")):
        table = pd.read_parquet(path)
        if not set(table.columns) >= _NEEDED or "activated_experts" in table.columns:
            continue
        table = table[table.t_us > 0]
        by = ["gpu", "op", "key"] + (["version"] if "version" in table.columns else [])
        for names, rows in table.groupby(by):
            times = rows.groupby("m").t_us.mean()
            first = rows.iloc[0]
            campaigns = table["version"].nunique() if len(names) > 3 else 1
            yield Curve(
                f"{path.stem} {names[3]}" if campaigns > 1 else path.stem,
                str(names[0]),
                str(first.family),
                f"{names[1]} {names[2]}",
                times.index.to_numpy(np.int64),
                times.to_numpy(float),
                _bound(first),
            )


def by_family(curves: list[Curve]) -> dict[tuple[str, str, str], list[Curve]]:
    """Curves by table, GPU and family, whose fits are chosen together."""
    found: defaultdict[tuple[str, str, str], list[Curve]] = defaultdict(list)
    for curve in curves:
        found[curve.table, curve.gpu, curve.family].append(curve)
    return found


def _bound(row: Any) -> Roofline | None:
    size = float(row.get("dtype_bytes", 2))
    if pd.notna(row.get("N")) and pd.notna(row.get("K")):
        n, k = int(row.N), int(row.K)
        work = Work(0.0, 2.0 * n * k, size * n * k, size * k + 2.0 * n)
    elif pd.notna(row.get("elems_per_row")):
        work = Work(0.0, 0.0, 0.0, size * int(row.elems_per_row))
    else:
        return None
    dtype = str(row.get("dtype", "bfloat16"))
    return roofline(work, data_sheet(str(row.gpu)), "fp8" if dtype.startswith("fp8") else dtype)


@dataclass(frozen=True)
class Trial:
    """A curve with a quarter reserved: what may be measured, what ours measured, what is asked."""

    curve: Curve
    rest: dict[int, float]
    chosen: dict[int, float]
    asked: np.ndarray
    truth: np.ndarray


def trial(curve: Curve, most: int, points: int, rng: np.random.Generator) -> Trial | None:
    """Reserve a quarter of a curve, and measure the rest as a sweep would.

    None where it has fewer than 20 sizes up to `most`, or too few that its clock resolves.
    """
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
    return Trial(curve, rest, simulate_sampling(rest, points), m[scored], t[scored])


def arrays(points: dict[int, float]) -> tuple[np.ndarray, np.ndarray]:
    """Sizes and times, ascending."""
    sizes = sorted(points)
    return np.array(sizes, dtype=np.int64), np.array([points[size] for size in sizes])


def repeat_noise(folder: Path) -> dict[tuple[str, str, str], tuple[float, float]]:
    """Median and p95 difference of rows of one point, by table, GPU and family of ten such pairs.

    These are two runs each: what a perfect fit to one would still be off from the other.
    """
    found: dict[tuple[str, str, str], tuple[float, float]] = {}
    for path in sorted(folder.glob("*.parquet")):
        table = pd.read_parquet(path)
        if not set(table.columns) >= _NEEDED or "activated_experts" in table.columns:
            continue
        by = [name for name in ("op", "key", "version", "m") if name in table.columns]
        for (gpu, family), rows in table.groupby(["gpu", "family"]):
            twice = rows[rows.duplicated(by, keep=False)]
            pairs = [group.t_us.to_numpy()[:2] for _, group in twice.groupby(by)]
            if len(pairs) >= 10:
                apart = np.abs(np.array([a / b - 1 for a, b in pairs]))
                noise = float(np.median(apart)), float(np.quantile(apart, 0.95))
                found[path.stem, str(gpu), str(family)] = noise
    return found
