from collections.abc import Callable
from dataclasses import replace
from typing import Any

from moeprof.costmodel.thermal.description import NO_STEP
from moeprof.report.contents import read_contents
from moeprof.report.gaps import NOT_REACHED, flags_section, unmeasured_section
from moeprof.report.markup import Html
from moeprof.store.plan import Plan
from moeprof.store.provenance import Provenance
from moeprof.store.run import Run
from moeprof.tests.report.conftest import NO_POWER

Rows = list[dict[str, Any]]
Build = Callable[..., Run]


def line(what: str, why: str, where: str) -> str:
    cells = f"<td>{why}</td><td>{where}</td>"
    return f'<tr><th scope="row">{what}</th>{cells}</tr>'


def gaps(build: Build, plan: Plan, provenance: Provenance, rows: Rows) -> Html:
    return unmeasured_section(read_contents(build(plan, provenance, rows, stages=0)))


def test_every_quantity_without_a_value_has_its_reason(full_run: Run) -> None:
    contents = read_contents(full_run)
    page = unmeasured_section(contents)
    assert line("energy", NO_POWER, "every measured point; the verdict") in page
    assert line("power", NO_POWER, "every measured point; the verdict") in page
    assert line("heat", NO_STEP, "the verdict; the model") in page
    (failed,) = contents.curves[0].failed
    where = f"fc1: {failed['tokens']}"
    assert line("latency", "the point took longer than 60 s", where) in page


def test_points_with_energy_are_not_listed_without(
    build: Build, plan: Plan, provenance: Provenance, rows: Rows
) -> None:
    for row in rows[40:]:
        row |= {"energy_mj": 2.0, "power_w": 90.0}
    page = gaps(build, plan, provenance, rows)
    assert "fc1: every measured point; fc2: " in page
    assert "gelu" not in page


def test_planned_sizes_that_are_not_in_the_tables_are_named(
    build: Build, plan: Plan, provenance: Provenance, rows: Rows
) -> None:
    rest = [row for row in rows if (row["op"], row["tokens"]) != ("topk", 512)]
    page = gaps(build, plan, provenance, rest)
    assert line("latency", NOT_REACHED, "topk: 512") in page


def test_a_run_without_gaps_says_so(
    build: Build, plan: Plan, provenance: Provenance, rows: Rows
) -> None:
    good = [row | {"energy_mj": 2.0, "power_w": 90.0} for row in rows]
    whole = [row for row in good if not row.get("failure")]
    page = gaps(build, replace(plan, ops=()), provenance, whole)
    assert page == "<p>Every point has every quantity.</p>"


def test_flags_that_differ_only_in_numbers_are_counted_as_one(
    build: Build, plan: Plan, provenance: Provenance, rows: Rows
) -> None:
    for row in rows:
        row["marks"] = []
    rows[0]["marks"] = ["spread 21 % is over 8 %"]
    rows[1]["marks"] = ["spread 9.5 % is over 8 %", "the kernels differ"]
    page = flags_section(read_contents(build(plan, provenance, rows, stages=0)))
    sizes = f"fc1: {rows[0]['tokens']}, {rows[1]['tokens']}"
    assert "2 points of 224 flagged" in page
    assert f"spread # % is over # %</th><td>2</td><td>{sizes}<" in page
    assert page.index("spread #") < page.index("the kernels differ</th>")


def test_a_run_without_flags_says_so(
    build: Build, plan: Plan, provenance: Provenance, rows: Rows
) -> None:
    for row in rows:
        row["marks"] = []
    page = flags_section(read_contents(build(plan, provenance, rows, stages=0)))
    assert page == "<p>No point is flagged.</p>"
