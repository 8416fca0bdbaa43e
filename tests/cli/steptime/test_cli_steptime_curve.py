"""The drawing has every point in its place, within 80 columns."""

from dataclasses import replace

import pytest

from moeprof.cli.steptime.curve import drawn, show_curve
from moeprof.costmodel.steptime.curve import CurvePoint, EnergyCurve, with_front


def curve(batches: int = 10, *, splits: int = 4, factor: float | None = 1.45) -> EnergyCurve:
    """Splits whose steps grow and whose energy falls with the batch."""
    points = []
    for place in range(splits):
        gpus = 2**place
        for at in range(batches):
            ms, joules = 20.0 / gpus + 2.0**at / 20, gpus * (1 + 40 / 2**at) / 10
            low, high = (None, None) if factor is None else (ms / factor, ms * factor)
            points.append(
                CurvePoint(
                    f"tp{gpus}", gpus, 2**at, ms, low, high, joules, joules / 2, joules * 2,
                    400.0 * gpus, 1e3 * 2**at / ms, extrapolated=at > 8,
                )
            )  # fmt: skip
    return EnergyCurve("m on H100, bf16, vllm", "prompts", with_front(points), (), ())


@pytest.mark.parametrize("batches", [1, 2, 10])
def test_the_drawing_is_within_80_columns_and_has_its_ends(batches: int) -> None:
    lines = drawn(curve(batches))
    assert max(map(len, lines)) <= 80
    rows = [line[10:] for line in lines[3:20]]
    assert any(row.strip() for row in (rows[0],))
    assert any(row.strip() for row in (rows[-1],))


def test_points_of_the_front_are_capitals_and_the_others_are_not() -> None:
    made = curve(splits=2)
    text = "\n".join(drawn(made)[3:20])
    on = {"AB"[made.splits.index(one.split)] for one in made.points if one.on_front}
    assert {letter for letter in text if letter in "AB"} == on
    assert "a" in text
    assert "a tp1, b tp2; capitals" in drawn(made)[-3]


def test_a_faster_point_lies_further_left_and_a_cheaper_one_further_down() -> None:
    one, other = curve(1, splits=1).points[0], curve(1, splits=1).points[0]
    other = replace(other, split="tp2", ms_per_token=40.0, j_per_token=1.0)
    made = EnergyCurve("m", "r", with_front([one, other]), (), ())
    rows = drawn(made)[3:20]
    (top,) = [at for at, row in enumerate(rows) if "A" in row]
    (foot,) = [at for at, row in enumerate(rows) if "B" in row]
    assert top < foot
    assert rows[top].index("A") < rows[foot].index("B")


def test_a_narrow_axis_has_finer_numbers() -> None:
    point = curve(1, splits=1).points[0]
    other = replace(point, ms_per_token=1.5 * point.ms_per_token, j_per_token=1.0)
    made = EnergyCurve("m", "r", with_front([point, other]), (), ())
    assert drawn(made)[21].split() == ["30"]
    wide = replace(other, ms_per_token=20 * point.ms_per_token)
    made = EnergyCurve("m", "r", with_front([point, wide]), (), ())
    assert drawn(made)[21].split() == ["50", "100", "200"]


def test_the_bar_is_as_long_as_the_interval_is_in_the_drawing() -> None:
    narrow, wide = (drawn(curve(factor=factor))[-1] for factor in (1.2, 2.0))
    assert len(narrow) < len(wide) <= 80
    assert "too few rows" in drawn(curve(factor=None))[-1]


def test_the_front_is_listed_with_intervals(capsys: pytest.CaptureFixture[str]) -> None:
    show_curve(curve(), listed=True)
    out, err = capsys.readouterr()
    assert "no other beats in both time and energy" in out
    assert "tp1*" in out
    assert "extrapolated" in err
    assert max(map(len, out.splitlines())) <= 80


def test_without_power_there_is_no_drawing(capsys: pytest.CaptureFixture[str]) -> None:
    made = curve(2)
    points = with_front([replace(one, j_per_token=None) for one in made.points])
    show_curve(replace(made, points=points), listed=True)
    out, err = capsys.readouterr()
    assert (out, "no row had power" in err) == ("", True)
