"""The report: one HTML page that shows a run and loads nothing from the network."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ..store.files import write_whole
from ..store.plan import Role
from ..store.run import Run
from .contents import Contents, read_contents
from .curves import curves_section
from .frame import html_page
from .gaps import flags_section, unmeasured_section
from .layers import layers_section
from .markup import Html, element, facts, markup
from .origin import plan_section, provenance_section, reproduce_section
from .verdict import verdict_section


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """The page's path, and what to warn of."""

    path: Path
    warnings: tuple[str, ...]


def write_report(run: Run) -> WrittenReport:
    """Write `report.html` of a run.

    Raises BadInput as `render_report` does, and where the file cannot be written.
    """
    contents = read_contents(run)
    write_whole(run.report_path, _page(contents))
    return WrittenReport(run.report_path, tuple(_staleness(run, contents)))


def _staleness(run: Run, contents: Contents) -> Iterator[str]:
    if contents.tables_are_stale:
        yield (
            f"{run.tables} are not known to be of the recordings that {run.folder} holds now:"
            f" moeprof parse {run.folder}"
        )
    if contents.stale is not None:
        yield f"{run.model_path} {contents.stale}: moeprof build-model {run.folder}"


def render_report(run: Run) -> str:
    """Show a run as one HTML page, under 2 MB, that needs no network and no other file.

    A model or validation that does not exist yet is named with the command that makes it. Raises
    BadInput where the plan, the provenance or the points are missing or a file is not valid.
    """
    return _page(read_contents(run))


def _page(contents: Contents) -> str:
    sections = (
        ("verdict", "Verdict", verdict_section(contents)),
        ("curves", "Curves", curves_section(contents)),
        *((("layers", "Layers", layers_section(contents.layers)),) if contents.layers else ()),
        ("unmeasured", "Not measured", unmeasured_section(contents)),
        ("flags", "Flags", flags_section(contents)),
        ("plan", "Plan", plan_section(contents)),
        ("provenance", "Provenance", provenance_section(contents.provenance, contents.model)),
        ("reproduce", "Make it again", reproduce_section(contents)),
    )
    device = contents.provenance.device_name
    title = f"moeprof: kernel costs of {contents.plan.preset} on {device}"
    return html_page(title, _header(contents), sections)


def _header(contents: Contents) -> Html:
    provenance = contents.provenance
    simulated = "simulated" in provenance.device_name.lower()
    badge = element("span", "simulated", class_="badge") if simulated else ""
    return element(
        "header",
        element("h1", f"What each kernel costs on {provenance.device_name} ", badge),
        element("p", f"Preset {contents.plan.preset}, ", _date(provenance.utc), class_="muted"),
        _warning(
            simulated, "This device is simulated: no number here was measured on real hardware."
        ),
        _warning(
            contents.tables_are_stale,
            "The tables are not known to be of the recordings that this run holds now. Make them",
            " anew, in the folder of this page: ",
            element("code", "moeprof parse ."),
            ".",
        ),
        _warning(
            contents.stale is not None,
            f"The model {contents.stale}. Build it anew, in the folder of this page: ",
            element("code", "moeprof build-model ."),
            ".",
        ),
        facts(_counts(contents)),
    )


def _warning(applies: bool, *words: object) -> Html:
    return element("p", *words, class_="notice") if applies else Html()


def _date(utc: str) -> Html:
    """Write the provenance's time as a date, or unchanged where it cannot be parsed."""
    try:
        moment = datetime.fromisoformat(utc)
    except ValueError:
        return markup(utc)
    return element("time", f"{moment.day} {moment:%B %Y, %H:%M} UTC", datetime=utc)


def _counts(contents: Contents) -> list[tuple[str, object]]:
    failed = sum(len(curve.failed) for curve in contents.curves)
    held_out = sum(row["role"] == Role.HOLDOUT for c in contents.curves for row in c.measured)
    return [
        ("device", contents.provenance.device),
        ("run", contents.plan.run_id),
        ("curves", len(contents.curves)),
        ("points measured", f"{len(contents.points) - failed:,}, {held_out:,} of them held out"),
        ("points failed", f"{failed:,}"),
        ("points flagged", f"{sum(bool(row['marks']) for row in contents.points):,}"),
        ("points with energy", _energy(contents)),
    ]


def _energy(contents: Contents) -> str:
    """Count the points with energy by source; without any, give the most common reason."""
    known = (row for row in contents.points if row["energy_mj"] is not None)
    sources = Counter(row["energy_source"] for row in known)
    if sources:
        return ", ".join(f"{number:,} ({source})" for source, number in sources.most_common())
    reasons = Counter(row["energy_reason"] for row in contents.points if row["energy_reason"])
    return "none" + "".join(f": {reason}" for reason, _ in reasons.most_common(1))
