"""What was not measured and why, and which points are flagged."""

import re
from collections import defaultdict
from typing import Final

from ..costmodel.thermal.description import why_no_thermal
from .contents import Contents
from .markup import Html, element, table
from .quantities import batch_sizes, count

_METERED: Final = {"energy": "energy_mj", "power": "power_w"}
NO_REASON: Final = "no reason recorded"
NOT_REACHED: Final = "planned, and not in the tables: not run, or not parsed yet"

Where = dict[str, list[int]]  # curve -> batch sizes, ascending


def unmeasured_section(contents: Contents) -> Html:
    """One row per quantity and reason for which points, model or verdict have no value."""
    places = {gap: [_places(contents, where)] for gap, where in _gaps(contents).items()}
    for name, lacking in (("model", contents.model), ("verdict", contents.validation)):
        for gap in () if lacking is None else lacking.unmeasured.items():
            places.setdefault(gap, []).append(f"the {name}")
    no_heat = None if contents.model is None else why_no_thermal(contents.model)
    if no_heat is not None:
        places.setdefault(("heat", no_heat), []).append("the model")
    if not places:
        return element("p", "Every point has every quantity.")
    rows = [(what, why, "; ".join(where)) for (what, why), where in places.items()]
    return table("Each of these has no value; none is a zero", ("what", "why", "where"), rows)


def _gaps(contents: Contents) -> dict[tuple[str, str], Where]:
    """Batch sizes of the points without a value, by (quantity, reason)."""
    gaps: dict[tuple[str, str], Where] = defaultdict(lambda: defaultdict(list))
    for curve in contents.curves:
        for row in curve.failed:
            gaps["latency", row["failure"] or NO_REASON][curve.slug].append(row["tokens"])
        for what, column in _METERED.items():
            for row in curve.measured:
                if row[column] is None:
                    gaps[what, row["energy_reason"] or NO_REASON][curve.slug].append(row["tokens"])
    for op_plan in contents.plan.ops:
        there = {row["tokens"] for row in contents.points if row["curve"] == op_plan.curve}
        missing = sorted(op_plan.planned - there)
        if missing:
            gaps["latency", NOT_REACHED][op_plan.curve] = missing
    return gaps


def _places(contents: Contents, where: Where) -> str:
    """List points by curve, as ranges of batch sizes, or as "every measured point"."""
    measured = {c.slug: [row["tokens"] for row in c.measured] for c in contents.curves}
    whole = "every measured point"
    if where == {slug: sizes for slug, sizes in measured.items() if sizes}:
        return whole
    names = contents.names
    parts = {s: whole if sizes == measured[s] else batch_sizes(sizes) for s, sizes in where.items()}
    return "; ".join(f"{names[slug]}: {sizes}" for slug, sizes in parts.items())


def flags_section(contents: Contents) -> Html:
    """Count the flags of points; flags that differ only in numbers are counted as one."""
    kinds: dict[str, list[str]] = defaultdict(list)
    places: dict[str, Where] = defaultdict(lambda: defaultdict(list))
    for row in contents.points:
        for flag in row["marks"] or ():
            kind = re.sub(r"\d+(\.\d+)?", "#", flag)
            kinds[kind].append(flag)
            places[kind][row["curve"]].append(row["tokens"])
    if not kinds:
        return element("p", "No point is flagged.")
    ordered = sorted(kinds.items(), key=lambda item: -len(item[1]))
    rows = [
        (flags[0] if len(set(flags)) == 1 else kind, len(flags), _places(contents, places[kind]))
        for kind, flags in ordered
    ]
    flagged = sum(bool(row["marks"]) for row in contents.points)
    caption = f"{count(flagged, 'point')} of {len(contents.points)} flagged; # stands for a number"
    return table(caption, ("mark", "times", "where"), rows)
