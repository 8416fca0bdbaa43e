"""Energy of a call on a GPU, from edge to edge of NVML's counter, while a graph is replayed."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from moeprof.energy.per_launch import metered_load
from moeprof.energy.power_log import POWER_LOG, read_power_log
from moeprof.profiler.power.sensor_recorder import SensorRecorder
from moeprof.stats.measured import Measured
from moeprof.store.errors import CannotMeasure
from moeprof.store.recording import Load

# The counter changes some ten times a second: its ticks are found, the power settles, and ten and
# more are left to measure by.
HELD_S = 2.0
_QUEUED_S = 0.02  # least time of the replays between two times that are noted


def joules(graph: torch.cuda.CUDAGraph, calls: int, uuid: str) -> Measured:
    """Energy of one of the `calls` of a graph, J.

    Raises CannotMeasure where NVML cannot be had, or something speaks against what it measured.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder, POWER_LOG)
        with SensorRecorder() as recorder, recorder.record(uuid, path):
            marks_ns, replays = replayed(graph, HELD_S)
        launches = tuple(calls * count for count in replays)
        load = Load("operation", None, 0, marks_ns, launches)
        energy = metered_load(read_power_log(path), load, processes=1).cost.energy_mj
    if energy.value is None:
        raise CannotMeasure(energy.reason or "the energy is not known")
    return energy.scaled(1e-3)


def replayed(
    graph: torch.cuda.CUDAGraph, length_s: float
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Replay a graph for so long; return times, ns, and how many replays had ended at each.

    The GPU is idle for some 20 us at each mark, a thousandth of the time between two.
    """
    marks_ns, ended, queued = [time.monotonic_ns()], [0], 1
    while marks_ns[-1] - marks_ns[0] < 1e9 * length_s:
        for _ in range(queued):
            graph.replay()
        torch.cuda.synchronize()
        marks_ns.append(time.monotonic_ns())
        ended.append(ended[-1] + queued)
        if marks_ns[-1] - marks_ns[-2] < 1e9 * _QUEUED_S:
            queued *= 2
    return tuple(marks_ns), tuple(ended)
