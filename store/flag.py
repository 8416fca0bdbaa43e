"""Flags: what may be wrong with a point that was measured all the same.

Code compares the codes. Tables and JSON hold the sentences, under the key `marks`.
"""

from enum import StrEnum
from typing import NamedTuple


class FlagCode(StrEnum):
    """What a flag is about; its sentence gives the numbers."""

    REPEAT_FAILED = "repeat_failed"
    NO_KERNEL_TIMES = "no_kernel_times"
    UNTIMED_CALLS = "untimed_calls"
    CUT_SHORT = "cut_short"
    WIDE_SPREAD = "wide_spread"
    KERNELS_DIFFER = "kernels_differ"
    NO_INTERVAL = "no_interval"
    REPEATS_DIFFER = "repeats_differ"
    SLOW_MACHINE = "slow_machine"
    OTHER_PROCESSES = "other_processes"
    SLOWED_DOWN = "slowed_down"
    BESIDE_SWEEP = "beside_sweep"
    POWER_CAPPED = "power_capped"
    CLOCK_MOVED = "clock_moved"
    POWER_SOURCES_DIFFER = "power_sources_differ"
    POWER_MOVED = "power_moved"
    WIDE_EDGES = "wide_edges"
    POWER_DRIFTED = "power_drifted"
    BEATS_WITH_SENSOR = "beats_with_sensor"
    NO_CUDA_GRAPH = "no_cuda_graph"
    INPUTS_IN_CACHE = "inputs_in_cache"
    LOAD_WITHOUT_ENERGY = "load_without_energy"
    LOAD_DISTURBED = "load_disturbed"
    LOADS_DISAGREE = "loads_disagree"
    POWER_CORRECTED = "power_corrected"
    SENSOR_GAIN = "sensor_gain"
    SENSOR_GAIN_VARIES = "sensor_gain_varies"
    POWER_MAY_LAG = "power_may_lag"


class Flag(NamedTuple):
    """One flag: its code, and a sentence for the user that holds the numbers."""

    code: FlagCode
    sentence: str
