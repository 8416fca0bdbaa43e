"""Energy of the knots of a curve or a surface, in the fields that both models share."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from ...store.document import MAX_LOG_RATIO
from ...store.provenance import EnergySource
from ..rows import Row, one_value, positive, rounded

_NOT_RECORDED = "no energy was recorded"


def energies(name: str, knots: Sequence[Row]) -> tuple[dict[str, Any], list[int]]:
    """Energy fields of a `FittedOp`, and the places in `knots` of the metered ones.

    Where fewer than two knots have an energy, the fields hold the reason, and no place is given.
    Raises BadInput for an energy that is not positive and finite, and for two energy sources.
    """
    found = {place: positive(name, row, "energy_mj") for place, row in enumerate(knots)}
    known = {place: value for place, value in found.items() if value is not None}
    reason = _why_unmetered(knots, known)
    if len(known) < 2:
        unavailable = EnergySource.UNAVAILABLE.value
        return {"energy_mj": None, "energy_source": unavailable, "energy_reason": reason}, []
    rows, energy_mj = [knots[place] for place in known], tuple(known.values())
    fields = {
        "energy_mj": energy_mj,
        "energy_source": one_value(name, rows, "energy_source"),
        "energy_reason": reason,
        "energy_ci95": _shares([row["energy_mj_ci95"] for row in rows], energy_mj),
        "sustained_ratio": _quotients(
            [row.get("latency_sustained_us") for row in rows], [row["latency_us"] for row in rows]
        ),
        "idle_power_w": _mean([row["idle_power_w"] for row in knots]),
    }
    return fields, list(known)


def _why_unmetered(knots: Sequence[Row], metered: Collection[int]) -> str | None:
    """The most frequent reason of the knots without energy; None where all have one."""
    without = [row for place, row in enumerate(knots) if place not in metered]
    if not without:
        return None
    reasons = Counter(row["energy_reason"] or _NOT_RECORDED for row in without)
    reason = str(reasons.most_common(1)[0][0])
    if len(without) == len(knots):
        return reason
    return f"{len(without)} of {len(knots)} points lack it: {reason}"


def _quotients(
    values: Sequence[float | None], divisors: Sequence[float]
) -> tuple[float, ...] | None:
    """Each value over its divisor, rounded; None where any value is unknown."""
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    return tuple(rounded(one / other) for one, other in zip(known, divisors, strict=True))


def _shares(
    half_widths: Sequence[float | None], values: Sequence[float]
) -> tuple[float, ...] | None:
    """Each half width over its value; at most MAX_LOG_RATIO, at which nothing is known."""
    shares = _quotients(half_widths, values)
    return None if shares is None else tuple(min(share, MAX_LOG_RATIO) for share in shares)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return rounded(sum(known) / len(known)) if known else None
