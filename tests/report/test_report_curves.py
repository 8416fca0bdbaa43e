from dataclasses import replace

import pytest

from moeprof.report.contents import Contents, Row, read_contents
from moeprof.report.curves import curves_section, source
from moeprof.report.quantities import ERROR, significant
from moeprof.store.run import Run


@pytest.fixture
def contents(full_run: Run) -> Contents:
    return read_contents(full_run)


def with_first_curve(contents: Contents, points: list[Row]) -> Contents:
    """The contents with nothing but their first curve, of other points."""
    return replace(contents, curves=(replace(contents.curves[0], points=tuple(points)),))


def test_each_curve_has_a_chart_a_text_for_it_and_a_table(contents: Contents) -> None:
    page = curves_section(contents)
    for index, curve in enumerate(contents.curves):
        assert f'id="spec-{index}-latency"' in page
        assert f'id="spec-{index}-energy"' not in page
        assert f'aria-label="Chart of latency over batch size for {curve.op}. ' in page
        assert f"<caption>Points of {curve.slug}</caption>" in page
        for row in curve.measured:
            assert str(significant(row["latency_us"])) in page


def test_known_energy_has_a_chart_and_its_source(contents: Contents) -> None:
    row = contents.curves[0].measured[0]
    measured = row | {"energy_mj": 1.5, "energy_mj_ci95": 0.1, "energy_source": "nvml_counter"}
    page = curves_section(with_first_curve(contents, [measured]))
    assert 'aria-label="Chart of energy over batch size for fc1. ' in page
    assert 'data-spec="spec-0-energy"' in page
    assert "energy: <span>NVML&#x27;s energy counter</span>" in page


def test_the_caption_names_counts_range_fit_and_source(contents: Contents) -> None:
    page = curves_section(with_first_curve(contents, list(contents.curves[0].points)))
    assert "23 sizes for the fit and 8 held out, 1 failed" in page
    assert "over batch sizes 1 to 512" in page
    assert "leave-one-out error" in page
    assert "wall time per call" in page


def test_the_error_of_a_held_out_point_is_that_of_its_verdict(contents: Contents) -> None:
    curve = next(one for one in contents.curves if one.costs)
    row = next(row for row in curve.measured if row["role"] == "holdout")
    twice = row | {"latency_us": 2 * curve.costs[row["tokens"]].latency_us}
    page = curves_section(replace(contents, curves=(replace(curve, points=(twice,)),)))
    assert "<td>100 %</td>" in page
    assert ERROR in page


def test_a_failed_point_gives_its_reason_and_no_number(contents: Contents) -> None:
    page = curves_section(with_first_curve(contents, contents.curves[0].failed))
    assert "failed: the point took longer than 60 s" in page
    assert '<abbr title="not measured">—</abbr>' in page


def test_a_curve_that_has_nothing_says_so(contents: Contents) -> None:
    curve = replace(contents.curves[0], points=(), model=None, costs={})
    page = curves_section(replace(contents, curves=(curve,)))
    assert "no point was measured" in page
    assert "The model has no such curve" in page
    assert 'class="plot"' not in page


def test_a_curve_that_is_part_of_a_surface_says_so(contents: Contents) -> None:
    curve = replace(contents.curves[0], model=None, costs={}, on_surface=True)
    page = curves_section(replace(contents, curves=(curve,)))
    assert "as part of its surface over active experts" in page


@pytest.mark.parametrize("name", ["simulated", "estimated", "imported"])
def test_a_source_that_is_no_measurement_has_a_badge(contents: Contents, name: str) -> None:
    assert source(name) == f'<span class="badge">{name}</span>'
    row = contents.curves[0].measured[0]
    for changed in ({"latency_source": name}, {"energy_mj": 1.5, "energy_source": name}):
        page = curves_section(with_first_curve(contents, [row | changed]))
        assert f'<span class="badge">{name}</span>' in page


def test_a_column_of_energy_appears_once_it_is_measured(contents: Contents) -> None:
    row = contents.curves[0].measured[0]
    assert "energy (mJ)" not in curves_section(with_first_curve(contents, [row]))
    measured = row | {"energy_mj": 1.5, "energy_source": "nvml_counter"}
    page = curves_section(with_first_curve(contents, [measured]))
    assert "energy (mJ)" in page
    assert "1.500 <span>NVML&#x27;s energy counter</span>" in page
