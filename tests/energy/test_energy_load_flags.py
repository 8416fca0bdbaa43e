"""Flags of one load, from its log and from what its script says of it."""

from dataclasses import replace

import pytest

from moeprof.energy.load_flags import cold_input_flags, load_flags
from moeprof.energy.window import Window
from moeprof.store.flag import Flag, FlagCode
from moeprof.store.recording import Load
from moeprof.tests.builders import make_provenance, make_recording, make_scenario
from moeprof.tests.energy.power_logs import S, steady_log

WINDOW = Window(2 * S, 5 * S)
LOAD = Load("operation", make_scenario(4).key, 0, (2 * S, 5 * S), (0, 60_000), replay_s=0.003)


def test_a_steady_load_has_no_flag() -> None:
    assert load_flags(steady_log(), LOAD, WINDOW, processes=1) == []


def test_bursts_that_beat_with_the_sensor_are_flagged() -> None:
    (flag,) = load_flags(steady_log(), replace(LOAD, replay_s=0.0505), WINDOW, processes=1)
    words = "its bursts of 50.5 ms beat with the sensor's refreshes"
    assert flag == Flag(FlagCode.BEATS_WITH_SENSOR, words)


def test_a_gpu_without_a_graph_is_flagged_and_a_cpu_never_has_one() -> None:
    eager = replace(LOAD, eager_reason="it copies to the host")
    (flag,) = load_flags(steady_log(), eager, WINDOW, processes=1)
    words = "launched one by one: it copies to the host"
    assert flag == Flag(FlagCode.NO_CUDA_GRAPH, words)
    assert load_flags(steady_log(), eager, WINDOW, processes=0) == []


@pytest.mark.parametrize(("kib", "flags"), [(16, 1), (1023, 1), (1024, 0)])
def test_inputs_that_fit_into_the_cache_are_hot(kib: int, flags: int) -> None:
    provenance = make_provenance(cache_bytes=1 << 20)
    found = cold_input_flags(
        replace(LOAD, rotated_bytes=kib << 10), make_recording(provenance=provenance)
    )
    assert len(found) == flags
    for flag in found:
        assert flag.sentence == f"its power is that of hot inputs: {kib} KiB fit into the cache"
