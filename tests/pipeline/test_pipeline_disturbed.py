"""Points are flagged by what went on beside their repeats and loads."""

from dataclasses import replace
from typing import Any

from moeprof.pipeline.disturbed import (
    disturbed_flags,
    disturbed_points,
    only_disturbed,
    with_disturbances,
)
from moeprof.store.flag import FlagCode
from moeprof.store.provenance import Surroundings
from moeprof.store.recording import CollectorName, Load, PointTiming
from moeprof.store.tables.parquet import table_from_columns
from moeprof.store.verdicts.parts import Disturbed
from moeprof.tests.builders import make_recording, make_scenario

BUSY = Surroundings(cores=2, other_cores=1.2, load_average=3.0)
QUIET = Surroundings(cores=2, other_cores=0.1)
KEY = make_scenario(4).key


def timed(repeat: int, surroundings: Surroundings | None, **changed: Any) -> Any:
    timing = PointTiming(KEY, repeat, 2, (1000, 1000), 0, 1, surroundings)
    return make_recording([timing], **changed)


def test_the_repeat_that_was_disturbed_is_named() -> None:
    flags = disturbed_flags([timed(0, QUIET), timed(1, BUSY), timed(2, None)])
    assert {key: [tuple(one) for one in found] for key, found in flags.items()} == {
        KEY: [
            (
                FlagCode.OTHER_PROCESSES,
                "repeat 1: other processes on 1.2 of 2 cores (load 3.0)",
            )
        ]
    }


def test_flags_are_in_the_order_of_the_numbers_of_repeats_and_loads() -> None:
    load = Load("operation", KEY, 1, (0, 1), (0, 5), surroundings=BUSY)
    power = make_recording(loads=(load,), collector=CollectorName.POWER)
    flags = disturbed_flags([power, *(timed(repeat, BUSY) for repeat in (0, 1, 10, 2))])
    beside = [flag.sentence.partition(":")[0] for flag in flags[KEY]]
    assert beside == ["repeat 0", "repeat 1", "repeat 2", "repeat 10", "load 1"]


def test_a_standing_condition_flags_no_point() -> None:
    assert disturbed_flags([timed(0, replace(QUIET, governors=("powersave",)))]) == {}


def test_a_disturbed_load_flags_its_point_and_an_idle_one_none() -> None:
    load = Load(
        "operation", KEY, 0, (0, 1), (0, 5), surroundings=replace(QUIET, slowed_by=("heat",))
    )
    idle = replace(load, kind="idle", scenario_key=None)
    flags = disturbed_flags([make_recording(loads=(load, idle), collector=CollectorName.POWER)])
    assert [one.sentence for one in flags[KEY]] == ["load 0: slowed down by heat"]
    assert list(flags) == [KEY]


def test_the_times_of_ncu_are_no_part_of_a_point() -> None:
    assert disturbed_flags([timed(0, BUSY, collector=CollectorName.NCU)]) == {}


def test_a_point_is_disturbed_where_no_repeat_was_alone() -> None:
    assert only_disturbed([timed(0, BUSY), timed(1, QUIET)])["latency"] == frozenset()
    assert only_disturbed([timed(0, BUSY), timed(1, BUSY)])["latency"] == {KEY}
    assert only_disturbed([timed(0, None)])["latency"] == frozenset()
    load = Load("operation", KEY, 0, (0, 1), (0, 5), surroundings=BUSY)
    power = make_recording(loads=(load,), collector=CollectorName.POWER)
    found = only_disturbed([timed(0, QUIET), power])
    assert found == {"latency": frozenset(), "power": {KEY}, "energy": {KEY}}


def test_disturbed_points_are_counted_among_those_with_a_time() -> None:
    points = table_from_columns(
        "points", {"scenario_key": [KEY, "other", "failed"], "latency_us": [1.0, 2.0, None]}
    )
    assert disturbed_points(points, {KEY, "failed"}) == Disturbed(1, 2)


def test_the_load_of_a_thermal_step_is_no_part_of_a_point() -> None:
    load = Load("operation", KEY, 0, (0, 1), (0, 5), surroundings=BUSY)
    step = make_recording(loads=(load,), collector=CollectorName.THERMAL)
    assert disturbed_flags([step]) == {}
    assert only_disturbed([step])["power"] == frozenset()


def test_the_sentences_come_after_the_other_flags_of_a_point() -> None:
    points = table_from_columns(
        "points",
        {
            "scenario_key": [KEY, make_scenario(8).key],
            "marks": [["spread 23 % > 20 %"], []],
        },
    )
    flagged = with_disturbances(points, [timed(0, BUSY)])
    assert flagged["marks"].to_pylist() == [
        ["spread 23 % > 20 %", "repeat 0: other processes on 1.2 of 2 cores (load 3.0)"],
        [],
    ]
    assert flagged.schema == points.schema
