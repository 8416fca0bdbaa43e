"""A verdict in one line, and each cause once with the curves that it concerns."""

from dataclasses import replace

import pytest

from moeprof.store.verdicts.parts import (
    BandVerdict,
    Cause,
    Disturbed,
    Finding,
    HoldoutPoint,
    IntervalQuality,
    Outcome,
    RunShift,
)
from moeprof.store.verdicts.summary import advice, headline, name_of, width_in_words
from moeprof.store.verdicts.verdict import CurveVerdict, Validation

FAIL, UNSURE, PASS = Outcome.FAIL, Outcome.AMBIGUOUS, Outcome.PASS
OFF = Finding(Cause.ERROR, FAIL, "the error at size 5 is at least 60 %")
MORE = Finding(Cause.ERROR, FAIL, "2 of 2 sizes are off by more than 15 %")
UNSEEN = Finding(Cause.UNSEEN, UNSURE, "none of the sizes from 1 to 8 was compared")
WIDE = IntervalQuality(8, 1.0, 1.0, 1.0, 0.5, 1.0, 12.0, "intervals are 12 times wider than needed")


def curve(op: str, outcome: Outcome, *findings: Finding, metric: str = "latency") -> CurveVerdict:
    """A verdict on a curve whose band from 1 to 8 has these findings."""
    band = BandVerdict(1, 8, 2, 0.1, 0.1, 5, outcome, findings)
    return CurveVerdict(
        curve=f"{op}-8x4-fp32-cold", op=op, metric=metric, n=8, median=0.01, p95=0.02, max=0.03,
        bias=0.0, median_lo=0.01, median_hi=0.02, floor=0.01, coverage_95=1.0, limit=0.03,
        outcome=outcome, reason="", points=(), bands=(band,),
    )  # fmt: skip


def verdict(outcome: Outcome, *curves: CurveVerdict) -> Validation:
    return Validation("holdout", "run", outcome, curves, {})


def test_one_line_counts_the_curves_with_the_outcome_and_names_a_single_one() -> None:
    good, bad = curve("gelu", PASS), curve("fc1", FAIL, OFF)
    assert headline(verdict(PASS, good, good)) == "2 of 2 curves pass at 3 %"
    assert headline(verdict(FAIL, good, bad)) == "1 of 2 curves fails: fc1"
    assert headline(verdict(FAIL, bad, bad)) == "2 of 2 curves fail"
    assert headline(verdict(UNSURE, good, curve("topk", UNSURE, UNSEEN))) == (
        "1 of 2 curves undecided: topk"
    )
    energy = curve("gelu", PASS, metric="energy")
    assert headline(verdict(PASS, good, energy)) == "2 of 2 comparisons pass at 3 %"


def test_a_cause_is_told_once_with_each_reason_and_its_curves() -> None:
    told = advice(
        verdict(
            FAIL, curve("fc1", FAIL, OFF, MORE), curve("gelu", UNSURE, UNSEEN),
            curve("topk", UNSURE, UNSEEN),
        )
    )  # fmt: skip
    assert [one.findings for one in told] == [
        ("fc1: the error at size 5 is at least 60 %",),
        ("gelu, topk: none of the sizes from 1 to 8 was compared",),
    ]
    assert told[0].what.startswith("beyond the limit")


def test_a_changed_machine_is_told_apart_from_a_changed_curve() -> None:
    name = "fc1-8x4-fp32-cold"
    slower = RunShift(common=0.085, alone={name: 0.2}, floor=0.01, n=40, told=True)
    found = replace(verdict(FAIL, curve("fc1", FAIL, OFF)), shift=slower)
    assert headline(found).startswith("the machine or the build changed, 8.5 % more time; ")
    machine, alone = advice(found)[:2]
    assert "most curves take 8.5 % more time" in machine.what
    assert alone.what.startswith("changed by themselves beside that since the model's run")
    assert alone.findings == ("fc1: 10.6 % more time",)  # 1.2 / 1.085
    same = replace(slower, common=0.001, told=False, alone={})
    assert advice(replace(found, shift=same))[0].what.startswith("beyond the limit")


def points(disturbed: int) -> tuple[HoldoutPoint, ...]:
    """Eight points, the first of them measured while the machine was not quiet."""
    return tuple(
        HoldoutPoint(size, 1.0, 1.0, None, disturbed=size <= disturbed) for size in range(1, 9)
    )


def test_one_line_counts_the_sizes_of_a_machine_that_was_not_quiet() -> None:
    good = replace(curve("fc1", PASS), points=points(3))
    assert headline(verdict(PASS, good)).endswith(
        "pass at 3 %; 3 of 8 sizes were measured while the machine was not quiet"
    )


@pytest.mark.parametrize(
    ("compared", "own", "told"),
    [
        (8, 0, "the machine was not quiet at 8 of 8 sizes compared"),
        (0, 7, "the machine was not quiet at 7 of 8 sizes of the model's own run"),
        (4, 4, None),
    ],
)
def test_a_run_beside_a_load_is_the_likelier_cause_of_a_change(
    compared: int, own: int, told: str | None
) -> None:
    one = replace(curve("fc1", FAIL, OFF), points=points(compared))
    shift = RunShift(0.3, {}, 0.01, 40, told=True, own_sizes=Disturbed(own, 8))
    found = replace(verdict(FAIL, one), shift=shift)
    what = advice(found)[0].what
    if told is None:
        assert what.startswith("the machine or the build changed")
    else:
        likelier = f"{told}: the likelier cause; measure again with --wait 10m"
        assert what == f"most curves take 30.0 % more time, and {likelier}"
        assert headline(found).startswith("the machine was not quiet, 30.0 % more time; ")


def test_disturbed_loads_are_no_cause_of_a_change_of_time() -> None:
    times = replace(curve("fc1", FAIL, OFF), points=points(0))
    energy = replace(curve("fc1", PASS, metric="energy"), points=points(8))
    shift = RunShift(0.3, {}, 0.01, 40, told=True)
    found = replace(verdict(FAIL, times, energy), shift=shift)
    assert advice(found)[0].what.startswith("the machine or the build changed")
    assert "8 of 8 sizes were measured while the machine was not quiet" in headline(found)


def test_many_curves_are_counted() -> None:
    curves = [curve(f"op{n}", UNSURE, UNSEEN) for n in range(20)]
    (told,) = advice(verdict(UNSURE, *curves))
    (line,) = told.findings
    assert line.startswith("op0, op1, op2, op3, op4, op5, op6, op7 and 12 more: none of")


@pytest.mark.parametrize(
    ("times", "words"),
    [
        (1.92, "1.9 too wide"),
        (0.32, "3.1 too narrow"),
        (12.3, "12 too wide"),
        (1.04, "as needed"),
        (0.96, "as needed"),
    ],
)
def test_a_width_is_told_in_its_own_words(times: float, words: str) -> None:
    assert width_in_words(times) == words


def test_intervals_that_do_not_fit_are_told_for_all_curves_or_for_one() -> None:
    one = replace(curve("fc1", PASS), intervals=WIDE)
    (told,) = advice(verdict(PASS, one))
    assert told.findings == ("fc1: intervals are 12 times wider than needed",)
    (told,) = advice(replace(verdict(PASS, one), intervals={"latency": WIDE}))
    assert told.findings == ("latency of all curves: intervals are 12 times wider than needed",)


def test_curves_of_one_operation_at_several_shapes_have_their_whole_names() -> None:
    shapes = [replace(curve("gemm", PASS), curve=f"gemm-{n}x4-bf16-cold") for n in (64, 128)]
    assert [name_of(one, shapes) for one in shapes] == [one.curve for one in shapes]


def test_curves_of_one_operation_are_named_by_their_active_experts() -> None:
    both = [replace(curve("experts", PASS), curve=f"experts-8x4-e8-a{n}-k2-cold") for n in (2, 4)]
    assert [name_of(one, both) for one in both] == ["experts, 2 active", "experts, 4 active"]
    assert name_of(curve("gelu", PASS, metric="power"), both) == "gelu power"
