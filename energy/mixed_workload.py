"""What a mixed replay took, and what was launched meanwhile, from its recording."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from ..device.nvml import ENERGY
from ..store.document import read_document
from ..store.mixed_workload import MixedWorkload, Note, Segment
from ..store.recording import CollectorName, raw_file
from ..store.run import Run
from .counter import counter_edges, edge_to_edge
from .per_launch import POWER_LOG, own_processes
from .power_log import PowerLog, read_power_log
from .window import Window, WindowEnergy, window_energy

REPLAY_FILE: Final = "replay.json"


@dataclass(frozen=True, slots=True)
class Played:
    """How often one curve ran at one size in the measured window, and for how long."""

    curve: str
    tokens: int
    launches: float
    busy_s: float


@dataclass(frozen=True, slots=True)
class MeasuredWorkload:
    """A mixed replay from edge to edge of the counter: `cost.energy_mj` is that of all of it.

    `gap_s` is the part of `window_s` in which nothing ran.
    """

    cost: WindowEnergy
    window_s: float
    gap_s: float
    stretches: int
    played: tuple[Played, ...]
    left_out: tuple[Note, ...]
    launched_one_by_one: tuple[Note, ...]


def read_mixed_workload(run: Run) -> MeasuredWorkload | str | None:
    """Measure the mixed replay of a run; the reason where it broke off, None where there is none.

    Raises BadInput where a file of its recording is missing, changed or not what it should be.
    """
    for folder, recording in run.recordings():
        if recording.collector != CollectorName.MIXED_WORKLOAD:
            continue
        if not recording.files:
            return "; ".join(recording.warnings)
        raw = {name: raw_file(folder, recording, name) for name in recording.files}
        replay = read_document(raw[REPLAY_FILE], MixedWorkload)
        curves = {op_plan.op: op_plan.curve for op_plan in run.plan().ops}
        processes = own_processes(recording.provenance)
        return measure_mixed_workload(read_power_log(raw[POWER_LOG]), replay, curves, processes)
    return None


def measure_mixed_workload(
    log: PowerLog, replay: MixedWorkload, curves: Mapping[str, str], processes: int
) -> MeasuredWorkload:
    """Measure a replay with the log of the sensors beside it; `curves` names that of each op.

    A stretch that an end of the window cuts counts by the part inside. `processes` of our own
    compute on the device.
    """
    window = _window(log, replay)
    launches: defaultdict[tuple[str, int], float] = defaultdict(float)
    busy_s: defaultdict[tuple[str, int], float] = defaultdict(float)
    for stretch in replay.stretches:
        part = (curves[stretch.op], stretch.tokens)
        share = _share_inside(stretch, window)
        launches[part] += share * stretch.launches
        busy_s[part] += share * (stretch.end_ns - stretch.begin_ns) / 1e9
    played = tuple(Played(*part, launches[part], busy_s[part]) for part in sorted(launches))
    return MeasuredWorkload(
        cost=window_energy(log, window, processes),
        window_s=window.length_s,
        gap_s=max(0.0, window.length_s - sum(busy_s.values())),
        stretches=len(replay.stretches),
        played=played,
        left_out=replay.left_out,
        launched_one_by_one=replay.launched_one_by_one,
    )


def _window(log: PowerLog, replay: MixedWorkload) -> Window:
    """From the first to the last edge of the counter within the replay."""
    begin_ns, end_ns = replay.stretches[0].begin_ns, replay.stretches[-1].end_ns
    counter = log.series(ENERGY)
    edges = counter_edges(counter.between(begin_ns, end_ns))
    return Window(*edge_to_edge(counter, edges, begin_ns, end_ns), 1.0)


def _share_inside(stretch: Segment, window: Window) -> float:
    inside_ns = np.clip((stretch.begin_ns, stretch.end_ns), window.begin_ns, window.end_ns)
    return float(inside_ns[1] - inside_ns[0]) / max(1, stretch.end_ns - stretch.begin_ns)
