"""A mixed workload that takes no time, after the loads of virtual_power.py on the same clock.

Segments at the power of a load and pauses at idle power follow each other from 3000 s on.
"""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from random import Random
from types import SimpleNamespace

from moeprof.device.nvml import Sensors, nvml
from moeprof.profiler.power.device_sensors import header
from moeprof.profiler.power.sensor_log import write_log
from moeprof.profiler.power.sensor_reader import SensorReader
from moeprof.profiler.power.sensors import OpenRecorder, RecordedRows
from moeprof.scenarios.mixed_workload import NAME
from moeprof.store.mixed_workload import MixedWorkload, Segment
from moeprof.store.provenance import Provenance
from moeprof.tests.fakenvml import fake
from moeprof.tests.profiler.answering import READY
from moeprof.tests.profiler.power.virtual_power import IDLE_W, LOAD_W, TRACE, virtual_recorder

_BEGIN_S, _SECONDS = 3000, 10
_MS = 1_000_000


def a_replay(*sizes: int) -> MixedWorkload:
    """Segments of gelu; a call takes as many microseconds as it has tokens."""
    draw = Random(0)
    segments: list[Segment] = []
    now_ms = 1000 * _BEGIN_S
    while now_ms < 1000 * (_BEGIN_S + _SECONDS):
        tokens, length_ms = draw.choice(sizes), draw.randint(5, 200)
        ends_ns = now_ms * _MS, (now_ms + length_ms) * _MS
        launches = round(length_ms * 1000 / tokens)
        segments.append(Segment("gelu", tokens, *ends_ns, launches))
        now_ms += length_ms + (draw.randint(5, 100) if draw.random() < 0.3 else 0)
    return MixedWorkload(tuple(segments))


def trace_with(replay: MixedWorkload) -> list[fake.TraceRow]:
    rows: list[tuple[float, float]] = []
    for segment in replay.stretches:
        begin_s, end_s = segment.begin_ns / 1e9, segment.end_ns / 1e9
        rows += [(begin_s, IDLE_W), (begin_s + 1e-6, LOAD_W), (end_s - 1e-6, LOAD_W)]
        rows.append((end_s, IDLE_W))
    return [*TRACE, *((time_s, 1e3 * power_w, 50, 1755, 0) for time_s, power_w in rows)]


def a_mixed_script(replay: MixedWorkload) -> str:
    answer = json.dumps(
        {
            "stretches": [
                {name: getattr(segment, name) for name in Segment.__slots__}
                for segment in replay.stretches
            ]
        }
    )
    return f"""{READY}
for line in sys.stdin:
    answer(json.loads({answer!r}))
"""


def workload_recorder(clock: fake.VirtualClock) -> OpenRecorder:
    """Records the simulated sensors at once, of a replay for as long as it takes."""
    of_load = virtual_recorder(clock)

    def recording(provenance: Provenance, path: Path) -> AbstractContextManager[RecordedRows]:
        if path.parent.name == NAME:
            return _of_replay(clock, path)
        return of_load(provenance, path)

    return recording


@contextmanager
def _of_replay(clock: fake.VirtualClock, path: Path) -> Iterator[RecordedRows]:
    with nvml() as library:
        clock.set_ns((_BEGIN_S - 1) * 1_000_000_000)
        recorder = SensorReader(Sensors(library, fake.UUID), clock)
        recorder.record(clock.reached(_BEGIN_S + _SECONDS + 0.5))
        first = header(fake.UUID)
    try:
        yield SimpleNamespace(rows=lambda: recorder.rows, processes=())
    finally:
        write_log(path, first, recorder.rows)
