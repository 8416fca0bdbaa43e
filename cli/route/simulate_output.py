"""What `moeprof route simulate` prints: scores, and courses as lines of blocks."""

from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from .. import render

if TYPE_CHECKING:
    from ...pipeline.route.simulate import Score, Simulation, Tried

_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_COLUMNS: Final = 60
_SLACK_W: Final = 5.0
_SLACK_C: Final = 1.0


def simulation_data(found: "Simulation") -> dict[str, Any]:
    """The scores for a program, labelled simulated."""
    return {
        "simulated": True,
        "experts": found.experts,
        "top_k": found.top_k,
        "targets": asdict(found.targets),
        "seed": found.seed,
        "energy_source": found.energy_source,
        "remarks": list(found.remarks),
        "scores": {one.controller: asdict(one.trial.score) for one in found.tried},
    }


def show_simulation(found: "Simulation") -> None:
    """Show scores and courses of each controller."""
    render.table(
        f"SIMULATED: {found.experts} experts, top {found.top_k}, {_targets(found)},"
        f" seed {found.seed}",
        ["", "#over %", "#most W", "#kJ", "#hot %", "#°C", "#KL", "#wait %", "#settled", "#us"],
        [[one.controller, *_row(one.trial.score)] for one in found.tried],
    )
    for name, limit, slack, unit in (
        ("power_w", found.targets.power_w, _SLACK_W, "W"),
        ("temp_c", found.targets.temp_c, _SLACK_C, "°C"),
    ):
        if limit is not None:
            _show_courses(found.tried, name, limit + slack, unit)
    render.paragraph(
        "over, hot: the time more than 5 W or 1 °C over the target; most W, kJ: the excess; -:"
        " there is no such target; KL: nats of change for an assignment; wait: arrivals that must"
        " wait; settled: s after the arrivals rose; us: of a tick, on this CPU. From 30 s on,"
        " power as its mean over 1 s."
    )
    render.paragraph(
        "Everything here is simulated: no GPU was measured. The energies of the cost model are"
        f" {found.energy_source}{'; ' if found.remarks else ''}{'; '.join(found.remarks)}."
    )


def _targets(found: "Simulation") -> str:
    pairs = ((found.targets.power_w, "W"), (found.targets.temp_c, "°C"))
    return ", ".join(f"{value:g} {unit}" for value, unit in pairs if value is not None)


def _row(score: "Score") -> list[str]:
    return [
        _told(score.over_share, ".2%"),
        _told(score.most_over_w, ".0f"),
        _told(score.excess_kj, ".2f"),
        _told(score.hot_share, ".2%"),
        f"{score.highest_c:.1f}",
        f"{abs(score.kl_nats):.3f}",
        f"{100 * score.deferred_share:.2f}",
        _settled(score),
        f"{score.tick_us:.0f}",
    ]


def _told(value: float | None, form: str) -> str:
    """A number, or a dash without a target; its column names the unit."""
    return "-" if value is None else f"{value:{form}}".rstrip("%")


def _settled(score: "Score") -> str:
    if score.over_share is None:
        return "-"
    return "never" if score.settled_s is None else f"{score.settled_s:.1f}"


def _show_courses(tried: "Sequence[Tried]", name: str, limit: float, unit: str) -> None:
    """The largest value of each interval as a block, and a mark below those over the limit."""
    courses = [(one.controller, _largest(getattr(one.trial, name).tolist())) for one in tried]
    low = min(min(values) for _, values in courses)
    high = max(max(values) for _, values in courses)
    rows = []
    for controller, values in courses:
        marks = "".join("!" if value > limit else " " for value in values)
        rows.append([controller, (_drawn(values, low, high), marks)])
    render.table(
        f"SIMULATED course, {low:.0f} to {high:.0f} {unit}; ! over {limit:g} {unit}",
        ["", "from 0 s to the end"],
        rows,
    )


def _largest(values: "Sequence[float]") -> list[float]:
    """The largest value of each of 60 intervals."""
    ends = [round(column * len(values) / _COLUMNS) for column in range(_COLUMNS + 1)]
    return [max(values[a:b]) for a, b in pairwise(ends)]


def _drawn(values: "Sequence[float]", low: float, high: float) -> str:
    """Draw values as one line of blocks between two ends, which may be equal."""
    span = max(high - low, 1e-9)
    return "".join(
        _BLOCKS[int((value - low) / span * (len(_BLOCKS) - 1) + 0.5)] for value in values
    )
