"""The page of a simulation: the courses of power, temperature and KL, and the scores."""

from pathlib import Path
from typing import Any, Final, Protocol

import altair as alt
import numpy as np

from ..router.control.controller import Targets
from ..router.plant import Scene
from ..router.trial import Trial
from ..stats.arrays import Float64
from ..store.files import write_whole
from .charts import look
from .frame import html_page
from .markup import Html, element, facts, joined, plot, table
from .quantities import percent, significant

_HEIGHT_PX: Final = 220
_DRAWN: Final = 300  # points of a course: the page stays small
_COURSES: Final = (
    ("power_w", "power, mean over 1 s (W)"),
    ("temp_c", "temperature (°C)"),
    ("kl_nats", "change of routing (nats of KL)"),
    ("deferred_share", "share of arrivals that must wait"),
)
_SIMULATED: Final = (
    "Everything on this page is simulated: no GPU was measured, and none was controlled."
)


class Tried(Protocol):
    """A controller by its name, and what it made of a scene."""

    @property
    def controller(self) -> str:
        """Its name."""
        ...

    @property
    def trial(self) -> Trial:
        """Its courses and its score."""
        ...


class Simulated(Protocol):
    """What the page shows (pipeline/route/simulate.py makes it)."""

    @property
    def targets(self) -> Targets:
        """The limits that were to be kept."""
        ...

    @property
    def scene(self) -> Scene:
        """What happened."""
        ...

    @property
    def seed(self) -> int:
        """What drew it."""
        ...

    @property
    def energy_source(self) -> str:
        """Where the energies of the cost model are from."""
        ...

    @property
    def remarks(self) -> tuple[str, ...]:
        """What to know of them."""
        ...

    @property
    def tried(self) -> tuple[Tried, ...]:
        """The controllers."""
        ...


def write_simulation(path: Path, simulation: Simulated) -> None:
    """Write the page of a simulation. Raises BadInput where the file cannot be written."""
    sections = (
        ("courses", "Courses", _courses(simulation)),
        ("scores", "Scores", _scores(simulation)),
        ("scene", "Scene", _scene(simulation)),
    )
    title = "moeprof: simulated control of the routing"
    write_whole(path, html_page(title, _header(simulation), sections))


def _header(simulation: Simulated) -> Html:
    targets = simulation.targets
    pairs: list[tuple[str, object]] = [
        ("power target (W)", significant(targets.power_w) or "none"),
        ("temperature target (°C)", significant(targets.temp_c) or "none"),
        ("seed", simulation.seed),
        ("energies", simulation.energy_source),
    ]
    return element(
        "header",
        element("h1", "Control of the routing ", element("span", "simulated", class_="badge")),
        element("p", _SIMULATED, class_="notice"),
        *(element("p", remark, class_="muted") for remark in simulation.remarks),
        facts(pairs),
    )


def _courses(simulation: Simulated) -> Html:
    limits = {"power_w": simulation.targets.power_w, "temp_c": simulation.targets.temp_c}
    figures = []
    for field, title in _COURSES:
        spec = course_spec(simulation, field, title, limits.get(field))
        words = f"Simulated course of {title} under each controller."
        figures.append(element("figure", element("h3", title), plot(f"spec-{field}", spec, words)))
    none = element("noscript", element("p", "Charts need JavaScript; the table has the scores."))
    return joined(none, element("div", *figures, class_="curves"))


def course_spec(
    simulation: Simulated, field: str, title: str, limit: float | None
) -> dict[str, Any]:
    """Vega-Lite specification of a course [ticks] of each controller, with its target."""
    names = [one.controller for one in simulation.tried]
    line: Any = (
        alt.Chart(alt.NamedData(name="courses"))
        .mark_line(strokeWidth=1.3)
        .encode(
            x=alt.X("s:Q", title="time (s)"),
            y=alt.Y("value:Q", title=title, scale=alt.Scale(zero=False)),
            color=alt.Color(
                "controller:N",
                sort=names,
                scale=alt.Scale(scheme="tableau10", domain=names),
                legend=alt.Legend(title=None, orient="bottom"),
            ),
            tooltip=[
                alt.Tooltip("controller:N"),
                alt.Tooltip("s:Q", title="time (s)", format=".0f"),
                alt.Tooltip("value:Q", title=title, format=",.4~r"),
            ],
        )
    )
    target: Any = (
        alt.Chart(alt.NamedData(name="target"))
        .mark_rule(strokeDash=[5, 4], color="var(--fail)")
        .encode(y="value:Q")
    )
    chart: Any = alt.layer(line, target).properties(width="container", height=_HEIGHT_PX)
    spec: dict[str, Any] = chart.configure(**look()).to_dict()
    del spec["$schema"]  # a URL, which the page shall not hold; DRAW sets the mode itself
    rows = [
        {"controller": one.controller, "s": round(float(s), 1), "value": float(f"{value:.4g}")}
        for one in simulation.tried
        for s, value in zip(*_drawn(one.trial.at_s, getattr(one.trial, field)), strict=True)
    ]
    spec["datasets"] = {"courses": rows, "target": [] if limit is None else [{"value": limit}]}
    return spec


def _drawn(at_s: Float64, values: Float64) -> tuple[Float64, Float64]:
    """The largest value of each of some 300 intervals, at the interval's end."""
    starts = np.unique(np.linspace(0, len(values) - 1, _DRAWN).astype(int))
    ends = np.append(starts[1:], len(values)) - 1
    return at_s[ends], np.maximum.reduceat(values, starts)


def _scores(simulation: Simulated) -> Html:
    head = (
        "controller", "time over the power target + 5 W", "most over (W)", "excess (kJ)",
        "time over the temperature target + 1 °C", "highest (°C)", "KL (nats)", "waiting",
        "settled (s)", "ripple (W)", "tick (µs)", "99 % of ticks within (µs)",
    )  # fmt: skip
    rows = [
        (
            one.controller,
            percent(score.over_share),
            significant(score.most_over_w),
            significant(score.excess_kj),
            percent(score.hot_share),
            significant(score.highest_c),
            significant(score.kl_nats),
            percent(score.deferred_share),
            _settled(score.over_share, score.settled_s),
            significant(score.ripple_w),
            significant(score.tick_us),
            significant(score.tick_us_p99),
        )
        for one in simulation.tried
        for score in (one.trial.score,)
    ]
    caption = (
        "Simulated, from 30 s on; power is its mean over 1 s. Settled: from the largest rise of"
        " arrivals until 98 % of 10 s are within 5 W. Ticks were timed on this machine's CPU"
    )
    return table(caption, head, rows)


def _settled(over_share: float | None, settled_s: float | None) -> str:
    if over_share is None:
        return "-"
    return "never" if settled_s is None else f"{settled_s:.1f}"


def _scene(simulation: Simulated) -> Html:
    scene = simulation.scene
    steps = (
        ("arrivals (tokens/s)", scene.arrivals_per_s),
        ("ambient (°C)", scene.ambient_c),
        ("another process (W)", scene.cotenant_w),
    )
    rows = [
        (name, significant(at_s), significant(value))
        for name, all_ in steps
        for at_s, value in all_
    ]
    return table("Steps of the simulated scene", ("what", "from (s)", "value"), rows)
