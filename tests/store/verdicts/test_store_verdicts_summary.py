"""A verdict in one line, and each cause once with the curves that it concerns."""

from dataclasses import replace

from moeprof.store.verdicts.parts import (
    BandVerdict,
    Cause,
    Finding,
    IntervalQuality,
    Outcome,
    RunShift,
)
from moeprof.store.verdicts.summary import advice, headline, name_of
from moeprof.store.verdicts.verdict import CurveVerdict, Validation

FAIL, UNSURE, PASS = Outcome.FAIL, Outcome.AMBIGUOUS, Outcome.PASS
OFF = Finding(Cause.ERROR, FAIL, "the error at size 5 is at least 60 %")
MORE = Finding(Cause.ERROR, FAIL, "2 of 2 sizes are off by more than 15 %")
UNSEEN = Finding(Cause.UNSEEN, UNSURE, "none of the sizes 1-8 was compared")
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
        ("gelu, topk: none of the sizes 1-8 was compared",),
    ]
    assert told[0].what.startswith("beyond the limit")


def test_a_changed_machine_is_told_apart_from_a_changed_curve() -> None:
    name = "fc1-8x4-fp32-cold"
    slower = RunShift(common=0.085, alone={name: 0.2}, floor=0.01, n=40, told=True)
    found = replace(verdict(FAIL, curve("fc1", FAIL, OFF)), shift=slower)
    assert headline(found).startswith("the machine or the build changed, 8.5 % more time; ")
    machine, alone = advice(found)[:2]
    assert "most curves take 8.5 % more time" in machine.what
    assert alone.findings == ("fc1: 20.0 % more time",)
    same = replace(slower, common=0.001, told=False, alone={})
    assert advice(replace(found, shift=same))[0].what.startswith("beyond the limit")


def test_intervals_that_do_not_fit_are_told_for_all_curves_or_for_one() -> None:
    one = replace(curve("fc1", PASS), intervals=WIDE)
    (told,) = advice(verdict(PASS, one))
    assert told.findings == ("fc1: intervals are 12 times wider than needed",)
    (told,) = advice(replace(verdict(PASS, one), intervals={"latency": WIDE}))
    assert told.findings == ("latency of all curves: intervals are 12 times wider than needed",)


def test_curves_of_one_operation_are_named_by_their_active_experts() -> None:
    both = [replace(curve("experts", PASS), curve=f"experts-8x4-e8-a{n}-k2-cold") for n in (2, 4)]
    assert [name_of(one, both) for one in both] == ["experts, 2 active", "experts, 4 active"]
    assert name_of(curve("gelu", PASS, metric="power"), both) == "gelu power"
