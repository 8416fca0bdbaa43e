"""The points of a run as one side of a comparison."""

from collections.abc import Iterable, Mapping
from math import log
from typing import Any, Final

import pyarrow as pa

from .side import METRICS, UNCONFIRMED, Place, Reading, Side

_REPEATS: Final = {
    "latency": ("repeat_difference", "agreeing"),
    "energy": ("energy_repeat_difference", "energy_n"),
    "power": ("power_repeat_difference", "energy_n"),
}

Row = Mapping[str, Any]


def side_of_points(
    name: str,
    digest: str,
    points: pa.Table,
    conditions: Mapping[str, str],
    launches: pa.Table | None,
) -> Side:
    """Take a `points` table as a side; `launches` are those of the run, for the clocks.

    Raises nothing: what a point lacks is left out.
    """
    rows = points.to_pylist()
    values = {metric: dict(_readings(rows, metric)) for metric in _REPEATS}
    places = {row["scenario_key"]: (row["curve"], row["tokens"]) for row in rows}
    return Side(
        name=name,
        digest=digest,
        ops={row["curve"]: row["op"] for row in rows},
        values=values,
        units={metric: unit for metric, (_, unit) in METRICS.items()},
        conditions=conditions,
        sources=dict(_sources(rows)),
        reasons=_reasons(rows, values),
        clocks_mhz={} if launches is None else _clocks_mhz(launches, places),
    )


def _readings(rows: Iterable[Row], metric: str) -> Iterable[tuple[Place, Reading]]:
    column, (difference, repeats) = METRICS[metric][0], _REPEATS[metric]
    for row in rows:
        if row[column]:
            half_95, count = _half_95(row, metric), row[repeats] or 1
            reading = Reading(row[column], half_95, row[difference], count, _doubt(row))
            yield (row["curve"], row["tokens"]), reading


def _doubt(row: Row) -> str | None:
    """Why a point decides nothing by itself: its first flag, or that no repeat confirms it."""
    if row["marks"]:
        return str(row["marks"][0])
    confirmed = row["visits"] if row["agreeing"] is None else row["agreeing"]
    return UNCONFIRMED if confirmed is not None and confirmed < 2 else None


def _half_95(row: Row, metric: str) -> float | None:
    """Half width of the 95 % interval of a point's own value, a |log| ratio."""
    if metric == "latency" and row["latency_us_lo"]:
        return log(row["latency_us_hi"] / row["latency_us_lo"]) / 2
    if metric == "energy" and row["energy_mj_ci95"] is not None:
        return float(row["energy_mj_ci95"]) / float(row["energy_mj"])
    return None


def _sources(rows: Iterable[Row]) -> Iterable[tuple[tuple[str, str], str]]:
    for row in rows:
        if row["latency_us"]:
            yield ("latency", row["curve"]), row["latency_source"]
        if row["energy_mj"]:
            yield ("energy", row["curve"]), row["energy_source"]
            yield ("power", row["curve"]), row["energy_source"]


def _reasons(rows: Iterable[Row], values: Mapping[str, Any]) -> dict[str, str]:
    """Why energy and power were not measured at any point."""
    reason = next((row["energy_reason"] for row in rows if row["energy_reason"]), None)
    return {metric: reason or "not measured" for metric in _REPEATS if not values[metric]}


def _clocks_mhz(launches: pa.Table, places: Mapping[str, Place]) -> dict[Place, float]:
    """Mean SM clock under the kernels of each point, where the trace sampled it."""
    means = (
        launches.select(["scenario_key", "gpc_clock_mhz"])
        .drop_null()
        .group_by("scenario_key", use_threads=False)
        .aggregate([("gpc_clock_mhz", "mean")])
        .to_pylist()
    )
    return {
        places[row["scenario_key"]]: row["gpc_clock_mhz_mean"]
        for row in means
        if row["scenario_key"] in places
    }
