"""Columns of the tables that the stages exchange.

The schema's metadata holds the name and the number of a table as `moeprof.schema`. Every column
that holds a quantity ends in its unit; unmeasured is null, never zero.
"""

from types import MappingProxyType
from typing import Final

import pyarrow as pa

SCHEMA_KEY: Final = b"moeprof.schema"

# GPU-wide utilisation by names that do not change with the version of nsys.
METRIC_COLUMNS: Final = (
    "sm_active_pct",
    "sm_issue_pct",
    "tensor_active_pct",
    "warps_in_flight_pct",
    "dram_read_pct",
    "dram_write_pct",
    "pcie_rx_pct",
    "pcie_tx_pct",
    "nvlink_rx_pct",
    "nvlink_tx_pct",
    "gpc_clock_mhz",
    "sys_clock_mhz",
)


def _schema(name: str, **columns: pa.DataType) -> pa.Schema:
    fields = [pa.field(column, type_) for column, type_ in columns.items()]
    return pa.schema(fields, metadata={SCHEMA_KEY: name.encode()})


# History, newest first. points/5: with variant. points/4: with turns_apart. points/3: with
# agreeing and correction; latency_us is over the repeats that agree. points/2: without
# empty_power_w and the half widths power_w_ci95, idle_power_w_ci95, latency_sustained_us_ci95 and
# energy_above_idle_mj_ci95, which nothing read. launches/2: with range_scope; start_ns and
# duration_ns may be null.
# All others are at their first number; `history` is no table of a run, but of many.
_LAUNCHES = _schema(
    "launches/2",
    recording=pa.string(),  # unit of the recording; null for a single trace
    scenario_key=pa.string(),  # with visit and call: null outside moeprof's own ranges
    visit=pa.int32(),
    call=pa.int32(),
    range_name=pa.string(),  # innermost range of the launching call, "domain:name" or "name"
    unattributed=pa.string(),  # why range_name is null; null where it is not
    range_scope=pa.string(),  # "thread": the range is of the launching thread; "process": it is a
    # start/end range of the process, and none of the thread contains the launch; null without range
    kernel=pa.string(),
    start_ns=pa.int64(),  # since the epoch where the trace says when it began, else since its start
    duration_ns=pa.int64(),  # null, as start_ns is, where the recorded times are impossible
    grid_x=pa.int32(),
    grid_y=pa.int32(),
    grid_z=pa.int32(),
    block_x=pa.int32(),
    block_y=pa.int32(),
    block_z=pa.int32(),
    registers_per_thread=pa.int32(),
    shared_bytes=pa.int64(),  # per block, static and dynamic together
    static_shared_bytes=pa.int64(),
    dynamic_shared_bytes=pa.int64(),
    occupancy_estimate_pct=pa.float64(),  # estimated by torch.profiler from the launch
    device=pa.int32(),  # CUDA ordinal within the process
    gpu=pa.int32(),  # the profiler's id of the GPU, null where the trace does not map it
    context=pa.int64(),
    stream=pa.int64(),
    process=pa.int64(),
    correlation_id=pa.int64(),
    graph_node_id=pa.int64(),
    metric_samples=pa.int32(),  # GPU-metric samples within [start, end]
    metric_coverage=pa.float64(),  # share of the kernel's time that samples cover
    **{name: pa.float64() for name in METRIC_COLUMNS},  # overlap-weighted mean over the kernel
)

_CALLS = _schema(
    "calls/1",
    recording=pa.string(),
    scenario_key=pa.string(),
    visit=pa.int32(),
    call=pa.int32(),
    start_ns=pa.int64(),  # null where the collector keeps durations alone
    wall_ns=pa.int64(),  # host time of the call; null where it only enqueues work on a GPU
    busy_ns=pa.int64(),  # union of its kernel intervals; null without any and where one is untimed
    gap_ns=pa.int64(),  # first kernel start to last kernel end, less busy_ns; null as busy_ns is
    kernels=pa.int32(),
    signature=pa.string(),  # kernel names, grids and blocks in launch order; null without kernels
)

_GPU_SAMPLES = _schema(
    "gpu_samples/1",
    recording=pa.string(),
    gpu=pa.int32(),
    time_ns=pa.int64(),
    **{name: pa.float64() for name in METRIC_COLUMNS},
)

_POWER_SAMPLES = _schema(
    "power_samples/1",
    recording=pa.string(),
    gpu=pa.int32(),  # null where the trace does not say which GPU was read
    time_ns=pa.int64(),
    source=pa.string(),  # nvml_power, rapl, simulated; "nsys_nvml": nvml_metrics inside a trace
    power_w=pa.float64(),
    averaged=pa.bool_(),  # over the last second; null where the source does not say
    temp_c=pa.float64(),
)

_RANGE_ENERGIES = _schema(
    "range_energies/1",
    recording=pa.string(),
    range_name=pa.string(),  # as in `launches`, whose innermost range alone counts
    gpu=pa.int32(),  # the profiler's id; null where the trace does not map it
    occurrences=pa.int64(),  # occurrences of the range with a kernel on this GPU
    launches=pa.int64(),
    measured_launches=pa.int64(),  # launches in occurrences that the sensor could resolve
    measured_s=pa.float64(),  # total time of those occurrences
    readings=pa.int64(),  # refreshes of the sensor in those occurrences
    power_w=pa.float64(),  # mean over measured_s, idle within it included
    power_w_ci95=pa.float64(),
    energy_mj=pa.float64(),  # per measured launch
    energy_mj_ci95=pa.float64(),
    source=pa.string(),  # nsys_nvml; unavailable where energy is null
    reason=pa.string(),  # why energy is null
    marks=pa.list_(pa.string()),  # sentences of the flags about the energy
)

_THERMAL_SAMPLES = _schema(
    "thermal_samples/1",
    recording=pa.string(),
    time_ns=pa.int64(),  # CLOCK_MONOTONIC of the recording's host
    source=pa.string(),  # nvml_counter, nvml_power, simulated, unavailable
    power_w=pa.float64(),  # mean until the next row
    temp_c=pa.float64(),  # at this time, whole degrees
    steady=pa.bool_(),  # whether an undisturbed load ran until the next row
    failure=pa.string(),  # why the step failed; then it is one row without quantities
)

_COUNTERS = _schema(
    "counters/1",
    recording=pa.string(),
    scenario_key=pa.string(),
    launch=pa.int32(),
    kernel=pa.string(),
    duration_ns=pa.float64(),  # under ncu's replay and clocks: never a latency
    sm_throughput_pct=pa.float64(),
    memory_throughput_pct=pa.float64(),
    dram_throughput_pct=pa.float64(),
    dram_read_bytes=pa.float64(),
    dram_write_bytes=pa.float64(),
    l1_hit_pct=pa.float64(),
    l2_hit_pct=pa.float64(),
    achieved_occupancy_pct=pa.float64(),
    theoretical_occupancy_pct=pa.float64(),
    tensor_active_pct=pa.float64(),
    sm_clock_hz=pa.float64(),
    dram_clock_hz=pa.float64(),
    instructions=pa.float64(),
    registers_per_thread=pa.float64(),
    waves_per_sm=pa.float64(),
)

_POINTS = _schema(
    "points/5",
    scenario_key=pa.string(),
    curve=pa.string(),
    op=pa.string(),
    shape=pa.list_(pa.int64()),
    dtype=pa.string(),
    weight_bits=pa.int32(),
    group_size=pa.int32(),
    experts=pa.int32(),
    active_experts=pa.int32(),
    top_k=pa.int32(),
    variant=pa.string(),  # what else decides the cost, in words; null where nothing does
    l2=pa.string(),
    tokens=pa.int64(),
    flops=pa.int64(),
    bytes_moved=pa.int64(),
    regime=pa.string(),  # "burst": single calls with synchronisation between them
    role=pa.string(),  # "fit", "holdout" or "calibration"
    failure=pa.string(),  # why nothing was measured; then every quantity is null
    marks=pa.list_(pa.string()),  # sentences of the flags about the point
    signature=pa.string(),  # the kernels of one call, where all calls agree
    visits=pa.int32(),  # complete repeats
    agreeing=pa.int32(),  # repeats that agree; below 2 the point was measured once
    calls=pa.int32(),  # those of the repeats that the latency is taken from
    latency_us=pa.float64(),  # median over these calls, without the course of the machine's speed
    latency_us_lo=pa.float64(),  # 95 % interval of that median
    latency_us_hi=pa.float64(),
    latency_source=pa.string(),  # "kernel": union of one call's kernels; "wall": time per call
    correction=pa.float64(),  # mean log factor by which the calls' times were divided for it
    turns_apart=pa.float64(),  # log ratio of the second repeat to the first, as they were measured
    gap_us=pa.float64(),
    spread=pa.float64(),  # interquartile range of the calls over their median
    repeat_difference=pa.float64(),  # |log| ratio of highest to lowest median of the repeats
    latency_sustained_us=pa.float64(),  # per call; from here to energy_n: in the power pass
    power_w=pa.float64(),
    power_repeat_difference=pa.float64(),  # |log| ratio of the highest load and the lowest
    power_peak_w=pa.float64(),
    idle_power_w=pa.float64(),  # while the process does nothing
    energy_mj=pa.float64(),  # per call
    energy_mj_ci95=pa.float64(),
    energy_repeat_difference=pa.float64(),
    energy_above_idle_mj=pa.float64(),  # negative where the load took less than idling
    energy_n=pa.int32(),  # number of loads with energy
    energy_source=pa.string(),  # nvml_counter, nvml_power, …, unavailable
    energy_reason=pa.string(),  # why the energy is unavailable
    temp_c=pa.float64(),  # mean temperature under the loads with energy
)

_HISTORY = _schema(
    "history/1",
    run=pa.string(),
    utc=pa.string(),  # when the run began
    git_commit=pa.string(),  # in the repository of the measurement; null outside one
    git_dirty=pa.bool_(),
    device=pa.string(),
    device_id=pa.string(),
    driver=pa.string(),
    power_limit_w=pa.float64(),
    locked_sm_clock_mhz=pa.int32(),
    threads=pa.int32(),
    torch=pa.string(),
    **{name: _POINTS.field(name).type for name in (
        "curve", "op", "tokens", "latency_us", "latency_us_lo", "latency_us_hi", "latency_source",
        "agreeing", "repeat_difference", "energy_mj", "energy_mj_ci95", "energy_source", "power_w",
        "temp_c",
    )},
    flags=pa.int32(),  # number of flags of the point
)  # fmt: skip

_UNITS: Final = ("_ns", "_us", "_s", "_mj", "_w", "_pct", "_bytes", "_mhz", "_hz", "_ci95")
_SIGNED: Final = frozenset({"start_ns", "time_ns", "energy_above_idle_mj"})
_COUNTS: Final = frozenset(
    {
        "tokens",
        "calls",
        "visits",
        "agreeing",
        "kernels",
        "launches",
        "occurrences",
        "readings",
        "flops",
    }
)


def is_amount(column: str) -> bool:
    """Whether a column of any table holds an amount, which is never negative."""
    return column in _COUNTS or (column.endswith(_UNITS) and column not in _SIGNED)


SCHEMAS: Final = MappingProxyType(
    {
        "launches": _LAUNCHES,
        "calls": _CALLS,
        "gpu_samples": _GPU_SAMPLES,
        "power_samples": _POWER_SAMPLES,
        "range_energies": _RANGE_ENERGIES,
        "thermal_samples": _THERMAL_SAMPLES,
        "counters": _COUNTERS,
        "points": _POINTS,
        "history": _HISTORY,
    }
)
# Older numbers that are still read, with the columns that they lack, which are null. Columns that
# are gone are dropped.
_AGREED: Final = frozenset({"agreeing", "correction", "turns_apart", "variant"})
OLDER_SCHEMAS: Final = MappingProxyType(
    {
        "points/1": _AGREED,
        "points/2": _AGREED,
        "points/3": frozenset({"turns_apart", "variant"}),
        "points/4": frozenset({"variant"}),
    }
)
