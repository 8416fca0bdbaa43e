"""Which collectors there are, and which is the best."""

from collections.abc import Callable
from pathlib import Path

import pytest

from moeprof.profiler.collectors.registry import COLLECTORS, choose_collectors
from moeprof.store.errors import BadInput, CannotMeasure


def test_every_collector_is_known_by_its_name() -> None:
    assert {name: one.name for name, one in COLLECTORS.items()} == {
        name: name for name in ("cpu", "kineto", "nsys", "ncu")
    }


def test_auto_takes_the_hosts_clock_on_a_cpu_and_says_why() -> None:
    assert choose_collectors("auto", "cpu") == (("cpu",), "the host's own clock")


def test_auto_takes_nsys_on_a_gpu_where_there_is_one(stand_in: Callable[[str], Path]) -> None:
    stand_in("nsys")
    names, why = choose_collectors("auto", "cuda:0")
    assert names == ("nsys",)
    assert "2024.2.3" in why


def test_one_that_times_and_ncu_go_together(stand_in: Callable[[str], Path]) -> None:
    stand_in("nsys")
    stand_in("ncu")
    assert choose_collectors("nsys,ncu", "cuda:0")[0] == ("nsys", "ncu")


@pytest.mark.parametrize(("words", "named"), [("perf", "perf"), ("", "''"), ("cpu,perf", "perf")])
def test_an_unknown_collector_is_named(words: str, named: str) -> None:
    with pytest.raises(BadInput, match=named):
        choose_collectors(words, "cpu")


def test_two_that_time_are_refused(stand_in: Callable[[str], Path]) -> None:
    stand_in("nsys")
    with pytest.raises(BadInput, match="two collectors that time"):
        choose_collectors("cpu,nsys", "cpu")


def test_one_that_does_not_work_here_says_why() -> None:
    with pytest.raises(CannotMeasure, match="kineto collector does not work here"):
        choose_collectors("kineto", "cpu")
