"""Flags of one load: what makes its energy less certain, or that of something else."""

from ..device.nvml import ENERGY
from ..store.flag import Flag, FlagCode
from ..store.recording import Load, Recording
from .power_log import PowerLog
from .readings import beats_with_sensor, update_period_s
from .window import Window, power_moved


def load_flags(log: PowerLog, load: Load, window: Window, processes: int) -> list[Flag]:
    """Flag a load whose power moves, that beats with the sensor, or that has no CUDA graph.

    `processes` is the number of our own on the device; a CPU has none, nor graphs.
    """
    flags = []
    counter = log.series(ENERGY)
    if (moved := power_moved(counter, window)) is not None:
        flags.append(Flag(FlagCode.POWER_MOVED, moved))
    period_s = update_period_s(counter)
    if load.replay_s and period_s and beats_with_sensor(load.replay_s, period_s):
        words = f"its bursts of {load.replay_s * 1000:.3g} ms beat with the sensor's refreshes"
        flags.append(Flag(FlagCode.BEATS_WITH_SENSOR, words))
    if load.eager_reason is not None and processes:
        flags.append(Flag(FlagCode.NO_CUDA_GRAPH, f"launched one by one: {load.eager_reason}"))
    return flags


def cold_input_flags(load: Load, recording: Recording) -> list[Flag]:
    """Flag a load whose inputs should be cold, but fit into the last-level cache."""
    cache_bytes = recording.provenance.cache_bytes or 0
    cold = {scenario.key for scenario in recording.scenarios if scenario.l2 == "cold"}
    if load.scenario_key not in cold or load.rotated_bytes >= cache_bytes:
        return []
    words = f"its power is that of hot inputs: {load.rotated_bytes >> 10} KiB fit into the cache"
    return [Flag(FlagCode.INPUTS_IN_CACHE, words)]
