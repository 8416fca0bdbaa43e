"""A comparison in words."""

from dataclasses import replace

import pytest

from moeprof.store.verdicts.comparison import (
    Change,
    CommonShift,
    Compared,
    Comparison,
    RankAgreement,
)
from moeprof.store.verdicts.comparison_words import factor, headline, left_out, sentences

ROW = Compared(
    "latency", "fc1", "fc1-fp32", None, "us", 9, None, None, 1 / 1.08, 0.91, 0.943, 1.0, 0.001,
    Change.IMPROVED,
)  # fmt: skip
SAME = replace(
    ROW, op="gelu", curve="gelu-fp32", change=1.0, lo=0.99, hi=1.01, verdict=Change.UNCHANGED
)
WHOLE = Comparison("runs", "a", "b", Change.IMPROVED, 0.01, 0.05, (ROW, SAME), (), (), {}, {})


@pytest.mark.parametrize(
    ("change", "lo", "hi", "words"),
    [
        (1 / 1.08, 0.91, 0.943, "1.08 ± 0.02 × faster"),
        (1.1, 1.08, 1.12, "1.10 ± 0.02 × slower"),
        (1.1, 1.099, 1.101, "1.100 ± 0.001 × slower"),
        (1.5, None, None, "1.50 × slower"),
        (1.1, 1.1 - 1e-9, 1.1 + 1e-9, "1.100 × slower"),
    ],
)
def test_a_change_is_a_factor_above_1(
    change: float, lo: float | None, hi: float | None, words: str
) -> None:
    assert factor(replace(ROW, change=change, lo=lo, hi=hi)) == words


def test_what_changed_and_what_did_not_is_said() -> None:
    assert headline(WHOLE) == "1 improved, 1 unchanged; least effect 1.0 %"
    assert list(sentences(WHOLE)) == [
        "fc1 1.08 ± 0.02 × faster",
        "gelu: no difference shown in latency",
    ]


def test_many_that_did_not_change_are_counted() -> None:
    same = tuple(replace(SAME, op=f"op{place}") for place in range(12))
    told = list(sentences(replace(WHOLE, ops=same)))
    assert told == ["12 others: no difference shown in latency"]


def test_a_shift_of_all_is_the_machines_or_the_builds() -> None:
    shift = CommonShift("latency", 1.08, 1.07, 1.09, 6, 0.01, told=True)
    told = list(sentences(replace(WHOLE, ops=(SAME,), shifts=(shift,))))
    assert told[0].startswith("machine or build: 6 curves share a latency 1.08 × slower")


def test_a_size_that_changed_alone_is_named() -> None:
    slow = replace(SAME, tokens=64, change=1.4, verdict=Change.REGRESSION)
    told = list(sentences(replace(WHOLE, ops=(SAME,), sizes=(slow,))))
    assert "gelu: regression of latency at single sizes, new/old: 64 (1.40)" in told
    explained = replace(slow, by_clocks="the SM clock fell")
    (*_, last) = sentences(replace(WHOLE, ops=(SAME,), sizes=(explained,)))
    assert last.endswith("64 (1.40): the SM clock fell")
    assert "regressions at single sizes: 1" in headline(replace(WHOLE, sizes=(slow,)))


def test_an_open_verdict_says_how_far_the_others_lie_apart_and_ranks_what_is_lost() -> None:
    shift = CommonShift("latency", 1.0, 0.9, 1.1, 6, 0.119, told=False)
    ranks = RankAgreement("latency", 0.9, 5, 40, 0.975, ("fc1 < fc2 at 8",))
    unsure = replace(SAME, verdict=Change.INCONCLUSIVE, reason="anywhere")
    told = " ".join(sentences(replace(WHOLE, ops=(unsure,), shifts=(shift,), ranks=(ranks,))))
    assert "lie 11.9 % apart" in told
    assert "of 40 savings in latency on OLD 98 % hold on NEW, not fc1 < fc2 at 8" in told


def test_each_reason_is_said_once() -> None:
    without = replace(WHOLE, not_compared={"energy": "no meter", "power": "no meter"})
    assert list(left_out(without)) == ["energy, power: not compared: no meter"]
