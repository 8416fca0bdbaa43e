"""What else the model claims: MoE, beyond the domain, and the two gates."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from moeprof.benchmarks.held_out.trials import RESOLVED_US, Curve, arrays
from moeprof.costmodel.curve.extrapolation import extend
from moeprof.costmodel.curve.next_size import simulate_sampling
from moeprof.costmodel.gate import check_row
from moeprof.costmodel.imported.power_gate import judge_power
from moeprof.costmodel.surface.fit import left_out_errors
from moeprof.device.peaks import data_sheet


def moe(folder: Path) -> Iterator[tuple[str, float, float]]:
    """Left-out errors of each table over tokens and active experts: median and p95."""
    for path in sorted(folder.glob("*.parquet")):
        table = pd.read_parquet(path)
        if not {"activated_experts", "topk", "key", "m", "t_us"} <= set(table.columns):
            continue
        for key, rows in table.groupby("key"):
            sizes = rows.m.to_numpy(np.int64), rows.activated_experts.to_numpy(np.int64)
            times, top_k = rows.t_us.to_numpy(float), int(rows.topk.iloc[0])
            errors = np.expm1(left_out_errors(*sizes, times, top_k))
            name = f"{path.stem} {key}"
            yield name, float(np.median(errors)), float(np.quantile(errors, 0.95))


def extrapolation(curves: list[Curve]) -> dict[int, float]:
    """Median over curves of the median error up to 2 and 4 times beyond what was measured."""
    found: dict[int, list[float]] = {2: [], 4: []}
    for curve in curves:
        unresolved = curve.family == "gemm" and curve.t.min() < RESOLVED_US
        if curve.bound is None or curve.m[-1] < 4000 or unresolved:
            continue
        m, t = curve.m[curve.m <= 4096], curve.t[curve.m <= 4096]
        for factor, errors in found.items():
            asked = m > m[-1] / factor
            inner = dict(zip(m[~asked].tolist(), t[~asked].tolist(), strict=True))
            x, y = arrays(simulate_sampling(inner, 24))
            predicted = extend(x, y, curve.bound, m[asked])
            errors.append(float(np.median(np.abs(predicted / t[asked] - 1))))
    return {factor: float(np.median(errors)) for factor, errors in found.items() if errors}


def gates(folder: Path) -> Iterator[dict[str, Any]]:
    """What the two gates say of each table."""
    for path in sorted(folder.glob("*.parquet")):
        table = pd.read_parquet(path)
        if "step_duration_us" in table.columns:
            yield {"table": path.stem, "what": "steps refused", "share": _refused_steps(table)}
        if {"power_w", "key", "m", "t_us"} <= set(table.columns) and table.power_w.notna().any():
            power = table[table.power_w.notna()]
            verdict = judge_power(
                [list(zip(g.m, g.t_us, g.power_w, strict=True)) for _, g in power.groupby("key")]
            )
            what = f"power trusted: {verdict.trusted}"
            share = verdict.apart / max(1, verdict.pairs)
            yield {"table": path.stem, "what": what, "share": share}


def _refused_steps(table: pd.DataFrame) -> float:
    """Share of steps on an H100 that are faster than reading the weights once."""
    peaks = data_sheet("H100")
    assert peaks is not None
    rows = zip(table.step_duration_us, table.params * 2 / table.tp, strict=True)
    bad = [check_row(t, 0.0, moved, peaks, dtype="bfloat16") is not None for t, moved in rows]
    return float(np.mean(bad))
