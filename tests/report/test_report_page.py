import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest

from moeprof.costmodel.checksum import with_checksum
from moeprof.report.gaps import NOT_REACHED
from moeprof.report.page import render_report, write_report
from moeprof.store.document import write_document
from moeprof.store.plan import Plan
from moeprof.store.provenance import Provenance
from moeprof.store.run import Run
from moeprof.tests.costmodel.layer.gated_models import gated_file
from moeprof.tests.report.conftest import NO_POWER

Rows = list[dict[str, Any]]
Build = Callable[..., Run]
EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&"


class Page(HTMLParser):
    """Tags with their attributes, and the text of each script, as a browser would see them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self._in_script = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self._in_script = True
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_script = self._in_script and tag != "script"

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.scripts[-1] += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def one_op(plan: Plan) -> Plan:
    return replace(plan, ops=plan.ops[:1])


@pytest.fixture(scope="module")
def text(full_run: Run) -> str:
    return render_report(full_run)


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def test_the_report_is_one_small_file_and_the_same_each_time(full_run: Run, text: str) -> None:
    path = write_report(full_run).path
    assert path == full_run.report_path
    assert path.read_text(encoding="utf-8") == text
    assert path.stat().st_size < 2_000_000
    path.unlink()


def test_a_sweep_of_every_size_stays_small(
    build: Build, plan: Plan, provenance: Provenance, rows: Rows
) -> None:
    """Seven curves of 512 points each, as `--sampling all` measures them."""
    of_op = {row["op"]: row for row in rows}
    every = [
        of_op[op_plan.op]
        | {"tokens": tokens, "role": "holdout" if tokens in op_plan.holdout else "fit"}
        for op_plan in plan.ops
        for tokens in op_plan.domain
    ]
    text = render_report(build(plan, provenance, every))
    assert len(text.encode()) < 2_000_000
    assert text.count("tables/points.parquet holds all of them") == 2 * len(plan.ops)


def test_the_page_loads_nothing_from_the_network(page: Page) -> None:
    for tag, attributes in page.tags:
        assert tag not in {"link", "img", "iframe", "object", "embed", "base", "form"}
        assert not {"src", "srcset", "data", "background", "action"} & set(attributes), tag
        assert (attributes.get("href") or "#").startswith("#")
    assert page.named("style") == [{}]


def test_the_style_sheet_loads_no_other_file(text: str) -> None:
    style = text[text.index("<style>") : text.index("</style>")]
    assert "@import" not in style
    assert "url(" not in style


def test_the_content_policy_allows_only_the_pages_own_script(page: Page) -> None:
    policy = next(m["content"] for m in page.named("meta") if m.get("http-equiv")) or ""
    digest = base64.b64encode(hashlib.sha256(page.scripts[-1].encode()).digest()).decode()
    assert policy.startswith("default-src 'none';")
    assert re.findall("script-src ([^;]*)", policy) == [f"'sha256-{digest}'"]
    assert "\r" not in page.scripts[-1]  # a browser would hash a line feed


def test_each_curve_has_its_chart(page: Page) -> None:
    plots = [div for div in page.named("div") if div.get("class") == "plot"]
    specs = {s["id"] for s in page.named("script") if s.get("type") == "application/json"}
    assert len(plots) == 7
    assert {plot["data-spec"] for plot in plots} == specs
    assert all(plot["role"] == "img" and plot["aria-label"] for plot in plots)
    assert len([s for s in page.named("script") if s.get("type") is None]) == 1


def test_a_model_of_layers_has_a_section_with_a_chart_of_each(
    build: Build, plan: Plan, provenance: Provenance, rows: Rows, text: str
) -> None:
    assert 'id="layers"' not in text
    run = build(one_op(plan), provenance, rows[:32], stages=0)
    write_document(run.model_path, with_checksum(gated_file("uniform", "zipf:1")))
    page = Page(render_report(run))
    assert {"href": "#layers"} in page.named("a")
    specs = [plot["data-spec"] for plot in page.named("div") if plot.get("class") == "plot"]
    assert specs[-2:] == ["layer-0", "layer-1"]
    assert set(specs) == {s["id"] for s in page.named("script") if s.get("type")}


def test_the_page_has_a_language_a_title_and_headings_in_order(page: Page, text: str) -> None:
    assert page.named("html") == [{"lang": "en"}]
    assert "<title>moeprof: kernel costs of small on Example CPU 9000</title>" in text
    assert len(page.named("h1")) == 1
    headings = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert all(after - before <= 1 for before, after in pairwise(headings))
    linked = {(a["href"] or "")[1:] for a in page.named("a")}
    assert linked == {section["id"] for section in page.named("section")}


def test_the_head_says_how_many_points_have_energy_or_why_none(
    build: Build, plan: Plan, provenance: Provenance, rows: Rows
) -> None:
    page = render_report(build(plan, provenance, rows, stages=0))
    assert f"<dt>points with energy</dt><dd>none: {NO_POWER}</dd>" in page
    for row in rows[:2]:
        row |= {"energy_mj": 1.5, "energy_source": "nvml_counter"}
    page = render_report(build(plan, provenance, rows, stages=0))
    assert "<dt>points with energy</dt><dd>2 (nvml_counter)</dd>" in page


def test_the_date_of_the_measurement_is_readable(text: str) -> None:
    assert '<time datetime="2026-01-01T09:30:00Z">1 January 2026, 09:30 UTC</time>' in text


def test_text_of_the_runs_files_is_never_run_as_code(
    build: Build, plan: Plan, provenance: Provenance, rows: Rows
) -> None:
    """Whatever a run's files say, the page has the same elements as if they said nothing."""
    for row in rows:
        row["marks"] = [EVIL]
        row["energy_reason"] = row["signature"] = EVIL
        if row["op"] == "fc1":
            row["op"] = EVIL
    rows[5]["failure"] = EVIL
    ops = (replace(plan.ops[0], curve=EVIL), *plan.ops[1:])
    evil_plan = replace(plan, ops=ops, preset=EVIL, preset_source=EVIL)
    evil_provenance = replace(
        provenance, device_name=EVIL, versions={EVIL: EVIL}, git_commit=EVIL, utc=EVIL
    )
    text = render_report(build(evil_plan, evil_provenance, rows))
    page = Page(text)
    assert "alert(1)" in text
    assert page.named("img") == []
    assert len(page.scripts) == 8
    assert not any("onerror" in attributes for _, attributes in page.tags)
    assert "alert(1)" not in page.scripts[-1]


def test_no_folder_of_this_machine_is_in_it(text: str, full_run: Run) -> None:
    assert str(full_run.folder.parent) not in text


def test_a_simulated_device_gives_a_notice(
    build: Build, plan: Plan, provenance: Provenance, rows: Rows
) -> None:
    fake = replace(provenance, device_name="Simulated H100")
    text = render_report(build(one_op(plan), fake, rows[:32], stages=0))
    assert '<span class="badge">simulated</span></h1>' in text
    assert "no number here was measured on real hardware" in text


def test_a_stale_model_gives_a_notice(
    build: Build, plan: Plan, provenance: Provenance, rows: Rows, text: str
) -> None:
    warning = "built from other points"
    assert warning not in text
    build(one_op(plan), provenance, rows[:32], stages=1)
    assert warning in render_report(build(one_op(plan), provenance, rows[:31], stages=0))


def test_a_run_without_points_still_has_a_page(
    build: Build, plan: Plan, provenance: Provenance
) -> None:
    text = render_report(build(plan, provenance, [], stages=0))
    assert "There is no cost model yet" in text
    assert text.count("Nothing to draw") == 7
    assert NOT_REACHED in text


def test_a_run_that_planned_nothing_has_a_page_too(
    build: Build, plan: Plan, provenance: Provenance
) -> None:
    text = render_report(build(replace(plan, ops=()), provenance, [], stages=0))
    assert "The run has no curve" in text
