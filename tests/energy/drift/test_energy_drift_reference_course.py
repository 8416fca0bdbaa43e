"""The course of the machine: what is drift, what a disturbance, and what is neither."""

from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.energy.drift.reference_course import reference_course
from moeprof.tests.energy.reference_loads import reference

TIMES_S = np.arange(0, 600, 15.0)


def test_three_references_show_no_course() -> None:
    assert reference_course([reference(at_s) for at_s in (0, 10, 20)]) is None
    assert reference_course([]) is None


@given(st.floats(-0.06, 0.06), st.floats(0, 600))
def test_a_steady_drift_is_found_wherever_it_is_asked_for(drift: float, at_s: float) -> None:
    course = reference_course([reference(t, 1 + drift * t / 600) for t in TIMES_S])
    assert course is not None
    assert set(course.reasons) == {None}
    found = course.drift("power", at_s) - course.drift("power", 300)
    assert found == pytest.approx(log(1 + drift * at_s / 600) - log(1 + drift / 2), abs=0.004)
    assert course.drift("time", at_s) == pytest.approx(0, abs=1e-9)


def test_scatter_is_averaged_over_the_references_of_some_minutes() -> None:
    rng = np.random.default_rng(0)
    course = reference_course([reference(t, rng.normal(1, 0.005)) for t in TIMES_S])
    assert course is not None
    found = [course.drift("power", at_s) for at_s in TIMES_S]
    assert np.ptp(found) < 0.01


@given(st.floats(0, 500), st.floats(20, 100), st.sampled_from([(0.8, 1.3), (1.06, 1.0), (1, 1.2)]))
def test_what_lies_off_the_drift_for_a_while_is_a_disturbance(
    begin_s: float, length_s: float, change: tuple[float, float]
) -> None:
    off = [begin_s <= t < begin_s + length_s for t in TIMES_S]
    loads = [
        reference(
            t, (1 + 0.03 * t / 600) * (change[0] if is_off else 1), change[1] if is_off else 1
        )
        for t, is_off in zip(TIMES_S, off, strict=True)
    ]
    course = reference_course(loads)
    assert course is not None
    assert [reason is not None for reason in course.reasons] == off
    for t, is_off in zip(TIMES_S, off, strict=True):
        assert course.disturbance(t) is not None or not is_off
        assert course.drift("power", t) == pytest.approx(log(1 + 0.03 * (t - 300) / 600), abs=0.006)


def test_a_load_is_in_doubt_between_a_quiet_reference_and_a_disturbed_one() -> None:
    loads = [reference(t, time=1.4 if t == 150 else 1) for t in TIMES_S]
    course = reference_course(loads)
    assert course is not None
    in_doubt = [at_s for at_s in range(100, 200) if course.disturbance(at_s) is not None]
    assert (in_doubt[0], in_doubt[-1]) == (136, 165)
    words = "the reference load drew +0% power and took +40% time then"
    assert course.disturbance(150) == words


def test_a_reference_with_a_fault_is_a_disturbance() -> None:
    course = reference_course([reference(t, None if t == 150 else 1) for t in TIMES_S])
    assert course is not None
    words = "the reference load failed at that time: the GPU was slowed down by heat"
    assert course.disturbance(151) == words
    assert course.disturbance(200) is None


def test_a_pass_that_went_on_hours_later_has_a_drift_of_its_own_there() -> None:
    later = [reference(t + 36_000, 1.02) for t in TIMES_S]
    course = reference_course([*(reference(t) for t in TIMES_S), *later])
    assert course is not None
    step = course.drift("power", 36_300) - course.drift("power", 300)
    assert step == pytest.approx(log(1.02), abs=1e-3)
