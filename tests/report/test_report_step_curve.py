"""The page of a curve is whole, says that it is predicted, and draws every point."""

from dataclasses import replace
from pathlib import Path

from moeprof.costmodel.steptime.curve import CurvePoint, EnergyCurve, with_front
from moeprof.report.step_curve import curve_spec, write_curve


def curve() -> EnergyCurve:
    """Two splits of three batches."""
    points = [
        CurvePoint(
            f"tp{gpus}", gpus, batch, 10 / gpus + batch, 9 / gpus, 20.0 + batch, gpus / batch,
            gpus / batch / 2, None, 300.0, 100.0, extrapolated=batch > 8,
        )
        for gpus in (1, 2)
        for batch in (1, 8, 64)
    ]  # fmt: skip
    remarks = ("no row had the engine <b>new</b>: the answer is extrapolated",)
    origin = (("measured rows", "36 of 6 configurations"),)
    return EnergyCurve("m on H100", "prompts", with_front(points), remarks, origin)


def test_the_page_is_labelled_predicted_and_needs_no_network(tmp_path: Path) -> None:
    write_curve(tmp_path / "curve.html", curve())
    text = (tmp_path / "curve.html").read_text()
    assert '<span class="badge">predicted</span>' in text
    assert "Every number on this page is predicted" in text
    assert "&lt;b&gt;new&lt;/b&gt;" in text
    assert "36 of 6 configurations" in text
    assert 'src="http' not in text
    assert len(text) < 2_000_000


def test_the_chart_has_each_point_and_the_front_in_order() -> None:
    made = curve()
    spec = curve_spec(made)
    assert len(spec["datasets"]["points"]) == 6
    front = spec["datasets"]["front"]
    assert len(front) == len(made.front)
    assert [row["ms"] for row in front] == sorted(row["ms"] for row in front)
    assert "j_hi" not in front[0]
    assert front[0]["energy"] == "not known"
    assert "$schema" not in spec


def test_without_an_energy_the_page_says_so(tmp_path: Path) -> None:
    made = curve()
    points = with_front([replace(one, j_per_token=None) for one in made.points])
    write_curve(tmp_path / "curve.html", replace(made, points=points))
    text = (tmp_path / "curve.html").read_text()
    assert "there is no energy to draw" in text
    assert "6 points" in text
