"""Energy of the mixed workload of a run, and what was launched meanwhile, from its recording."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from ..device.findings import passing
from ..device.nvml import ENERGY
from ..store.document import read_document
from ..store.errors import BadInput, shortened
from ..store.mixed_workload import MixedWorkload, Note, Segment
from ..store.recording import CollectorName, raw_file
from ..store.run import Run
from .counter import counter_edges, outer_edges_ns
from .faults import own_processes
from .per_launch import WindowEnergy, window_energy
from .power_log import POWER_LOG, PowerLog, read_power_log
from .window import Window

MIXED_WORKLOAD_FILE: Final = "replay.json"  # name of the file in a recording's folder


@dataclass(frozen=True, slots=True)
class Played:
    """How often one curve ran at one size in the measured window, and for how long."""

    curve: str
    tokens: int
    launches: float
    busy_s: float


@dataclass(frozen=True, slots=True)
class MeasuredWorkload:
    """A mixed workload from edge to edge of the counter; `cost.energy_mj` is that of the window.

    During `gap_s` of `window_s` nothing ran. `segments` is the number of segments. `disturbances`
    say what disturbed the device meanwhile.
    """

    cost: WindowEnergy
    window_s: float
    gap_s: float
    segments: int
    played: tuple[Played, ...]
    left_out: tuple[Note, ...]
    launched_one_by_one: tuple[Note, ...]
    disturbances: tuple[str, ...] = ()


def read_mixed_workload(run: Run) -> MeasuredWorkload | str | None:
    """Measure a run's mixed workload; the reason why it broke off, or None where it has none.

    Raises BadInput where a file of its recording is missing, changed or invalid.
    """
    for folder, recording in run.recordings():
        if recording.collector != CollectorName.MIXED_WORKLOAD:
            continue
        if not recording.files:
            return "; ".join(recording.warnings)
        names = (MIXED_WORKLOAD_FILE, POWER_LOG)
        raw = {name: raw_file(folder, recording, name) for name in names}
        workload = read_document(raw[MIXED_WORKLOAD_FILE], MixedWorkload)
        curves = {op_plan.op: op_plan.curve for op_plan in run.plan().ops}
        for segment in workload.stretches:
            if segment.op not in curves:
                raise BadInput(
                    f"{raw[MIXED_WORKLOAD_FILE]} ran {shortened(segment.op)!r}, which"
                    f" {run.plan_path} does not name",
                    hint=MixedWorkload.WAY_OUT,
                )
        processes = own_processes(recording.provenance)
        return measure_mixed_workload(read_power_log(raw[POWER_LOG]), workload, curves, processes)
    return None


def measure_mixed_workload(
    log: PowerLog, workload: MixedWorkload, curves: Mapping[str, str], processes: int
) -> MeasuredWorkload:
    """Measure a workload by the log of the sensors; `curves` names the curve of each operation.

    A segment that is partly outside the window counts by its share inside. `processes` is the
    number of moeprof's own processes that compute on the device.
    """
    window = _window(log, workload)
    launches: defaultdict[tuple[str, int], float] = defaultdict(float)
    busy_s: defaultdict[tuple[str, int], float] = defaultdict(float)
    for segment in workload.stretches:
        part = (curves[segment.op], segment.tokens)
        share = _share_inside(segment, window)
        launches[part] += share * segment.launches
        busy_s[part] += share * (segment.end_ns - segment.begin_ns) / 1e9
    played = tuple(Played(*part, launches[part], busy_s[part]) for part in sorted(launches))
    return MeasuredWorkload(
        cost=window_energy(log, window, processes),
        window_s=window.length_s,
        gap_s=max(0.0, window.length_s - sum(busy_s.values())),
        segments=len(workload.stretches),
        played=played,
        left_out=workload.left_out,
        launched_one_by_one=workload.launched_one_by_one,
        disturbances=tuple(found.sentence for found in passing(workload.surroundings)),
    )


def _window(log: PowerLog, workload: MixedWorkload) -> Window:
    """The window from the first to the last edge of the counter within the workload."""
    begin_ns, end_ns = workload.stretches[0].begin_ns, workload.stretches[-1].end_ns
    counter = log.series(ENERGY)
    edges = counter_edges(counter.between(begin_ns, end_ns))
    return Window(*outer_edges_ns(counter, edges, begin_ns, end_ns))


def _share_inside(segment: Segment, window: Window) -> float:
    inside_ns = np.clip((segment.begin_ns, segment.end_ns), window.begin_ns, window.end_ns)
    return float(inside_ns[1] - inside_ns[0]) / max(1, segment.end_ns - segment.begin_ns)
