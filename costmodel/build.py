"""From the table of points to a cost model, with nothing invented on the way."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from itertools import groupby
from math import isfinite
from typing import Any, Final

import numpy as np
import pyarrow as pa

from ..store.cost_model import CostModelFile, CurveModel, Domain, FitError, IntervalScores
from ..store.errors import BadInput
from ..store.provenance import Provenance
from .curve import choose_fit, fit_error
from .intervals import interval_scores

Row = dict[str, Any]

_IDENTITY: Final = (
    *("op", "shape", "dtype", "weight_bits", "group_size", "experts", "active_experts", "top_k"),
    *("l2", "regime"),
)
_REQUIRED: Final = ("op", "dtype", "l2", "regime", "latency_source", "energy_source")
# Repeats of a measurement differ in the third digit. Six keep all of it, and drop the last bits
# of a double, in which two machines may differ: the same points give the same bytes.
_DIGITS: Final = 6


def build_model(
    points: pa.Table, *, preset: str, provenance: Provenance, points_sha256: str
) -> CostModelFile:
    """Fit one curve to each operation and shape of a `points` table.

    Rows with role "fit" and no failure are used. A curve with fewer than two such points goes to
    `unmeasured` with the reason, under the name of its operation, or under its own where the
    operation has several. `points_sha256` is the digest of the table's file, for the record.

    Raises BadInput where there is no row to fit, and, naming the curve, where a latency or energy
    is not positive and finite, where a batch size stands twice with different latencies, or where
    one curve mixes regimes, cache states, shapes or sources.
    """
    rows = sorted(
        (row for row in points.to_pylist() if row["role"] == "fit"),
        key=lambda row: (row["curve"], row["tokens"] or 0),
    )
    if not rows:
        raise BadInput(
            "the points hold no row with role 'fit'",
            hint="measure some with `moeprof profile`, and make the tables with `moeprof parse`",
        )
    curves: list[CurveModel] = []
    missing: dict[tuple[str, str], str] = {}
    for name, group in groupby(rows, key=lambda row: str(row["curve"])):
        asked = list(group)
        knots = _knots(name, [row for row in asked if row["failure"] is None])
        if len(knots) >= 2:
            curves.append(_curve(name, knots))
        else:
            missing[asked[0]["op"], name] = _why_unmeasured(asked, knots)
    return CostModelFile(
        preset=preset,
        points_sha256=points_sha256,
        provenance=provenance,
        curves=tuple(curves),
        intervals=_intervals(curves),
        unmeasured=_by_op(missing, curves),
    )


def _knots(curve: str, rows: Iterable[Row]) -> list[Row]:
    """One row per batch size, ascending, its latency checked and rounded."""
    knots: dict[int, Row] = {}
    for row in rows:
        tokens = row["tokens"]
        if tokens is None or tokens < 1:
            raise BadInput(f"{curve} has a point at batch size {tokens}; the smallest is 1")
        latency_us = _positive(curve, row, "latency_us")
        if latency_us is None:
            raise BadInput(
                f"{curve} has neither a latency nor a failure at batch size {tokens}",
                hint="make the tables anew with `moeprof parse RUN`",
            )
        first = knots.setdefault(tokens, row | {"latency_us": latency_us})
        if first["latency_us"] != latency_us:
            raise BadInput(
                f"{curve} has two latencies at batch size {tokens}: "
                f"{first['latency_us']} and {latency_us} us",
                hint="a table holds one row per size, its visits pooled: parse one run at a time",
            )
    return list(knots.values())


def _positive(curve: str, row: Row, column: str) -> float | None:
    """Give a quantity of a point, rounded; None where it was not measured."""
    value = row[column]
    if value is None:
        return None
    if not (isfinite(value) and value > 0):
        raise BadInput(
            f"{column} of {curve} at batch size {row['tokens']} is {value}, "
            "and it must be positive and finite",
            hint="profile that size again; what was not measured is null, never zero",
        )
    return _rounded(value)


def _curve(name: str, knots: Sequence[Row]) -> CurveModel:
    """Fit a curve through at least two knots."""
    identity = {column: _one_value(name, knots, column) for column in _IDENTITY}
    tokens = np.array([row["tokens"] for row in knots], dtype=np.int64)
    latency_us = np.array([row["latency_us"] for row in knots], dtype=np.float64)
    fit = choose_fit(tokens, latency_us)
    energy_mj, energy_source, energy_reason = _energy(name, knots)
    temp_rise_c, temp_rise_reason = _temp_rise(knots)
    return CurveModel(
        curve=name,
        **(identity | {"shape": tuple(identity["shape"] or ())}),
        domain=Domain(first_tokens=int(tokens[0]), last_tokens=int(tokens[-1])),
        knots_tokens=tuple(tokens.tolist()),
        latency_us=tuple(latency_us.tolist()),
        latency_source=_one_value(name, knots, "latency_source"),
        fit=fit,
        error=FitError(**_all_rounded(asdict(fit_error(fit, tokens, latency_us)))),
        energy_mj=energy_mj,
        energy_source=energy_source,
        energy_reason=energy_reason,
        temp_rise_c=temp_rise_c,
        temp_rise_reason=temp_rise_reason,
    )


def _one_value(curve: str, rows: Sequence[Row], column: str) -> Any:
    first = rows[0][column]
    if first is None and column in _REQUIRED:
        raise BadInput(f"{curve} has a point without its {column}")
    for row in rows:
        if row[column] != first:
            raise BadInput(
                f"{curve} mixes two values of {column}: {first} and {row[column]}",
                hint="what was measured differently is not one curve: parse one run at a time",
            )
    return first


def _energy(curve: str, knots: Sequence[Row]) -> tuple[tuple[float, ...] | None, str, str | None]:
    """Energy over the knots, its source, and the reason where there is none."""
    energies = [_positive(curve, row, "energy_mj") for row in knots]
    without = [row for row, energy_mj in zip(knots, energies, strict=True) if energy_mj is None]
    if without:
        given = Counter(row["energy_reason"] or "no energy was recorded" for row in without)
        return None, "unavailable", _share(without, knots, given.most_common(1)[0][0])
    source = _one_value(curve, knots, "energy_source")
    return tuple(value for value in energies if value is not None), source, None


def _temp_rise(knots: Sequence[Row]) -> tuple[tuple[float, ...] | None, str | None]:
    rises = [row["temp_rise_c"] for row in knots]
    without = [row for row in knots if row["temp_rise_c"] is None]
    if without:
        return None, _share(without, knots, "no temperature rise was recorded")
    return tuple(map(_rounded, rises)), None


def _share(without: Sequence[Row], knots: Sequence[Row], reason: str) -> str:
    if len(without) == len(knots):
        return reason
    return f"{len(without)} of {len(knots)} points lack it: {reason}"


def _why_unmeasured(asked: Sequence[Row], knots: Sequence[Row]) -> str:
    """Say why a curve has too few points, in the words of its most frequent failure."""
    failures = Counter(row["failure"] for row in asked if row["failure"] is not None)
    count = f"{len(knots)} of {len(asked)} points measured, and a curve needs two"
    return f"{count}: {failures.most_common(1)[0][0]}" if failures else count


def _by_op(missing: dict[tuple[str, str], str], curves: Iterable[CurveModel]) -> dict[str, str]:
    """Name unmeasured curves by their operation, where that names one curve alone."""
    of_op: defaultdict[str, set[str]] = defaultdict(set)
    for op, curve in (*missing, *((curve.op, curve.curve) for curve in curves)):
        of_op[op].add(curve)
    return {op if len(of_op[op]) == 1 else curve: reason for (op, curve), reason in missing.items()}


def _intervals(curves: Iterable[CurveModel]) -> IntervalScores:
    scores = interval_scores(
        (curve.fit, np.array(curve.knots_tokens), np.array(curve.latency_us)) for curve in curves
    )
    return replace(scores, floor=_rounded(scores.floor), quantiles=_all_rounded(scores.quantiles))


def _all_rounded(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _rounded(value) if isinstance(value, float) else value
        for name, value in values.items()
    }


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
