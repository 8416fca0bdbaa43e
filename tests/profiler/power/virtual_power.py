"""Loads that take no time: a script that only claims to run them, under sensors that are simulated.

Both live by one virtual clock, on which a load runs from 0.1 s to 2 s after its recording began. A
call of the load takes as many microseconds as it has tokens, one of the reference load 9 us, both
at 480 W; idling takes 100 W.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import SimpleNamespace

from moeprof.device.nvml import Sensors, nvml
from moeprof.profiler.power.device_sensors import header
from moeprof.profiler.power.sensor_log import write_log
from moeprof.profiler.power.sensor_reader import SensorReader
from moeprof.profiler.power.sensors import OpenRecorder, RecordedRows
from moeprof.store.provenance import Provenance
from moeprof.tests.fakenvml import fake
from moeprof.tests.profiler.answering import READY

LOAD_W, IDLE_W = 480.0, 100.0
_IDLE_S = 1000  # when the trace begins to idle
TRACE: list[fake.TraceRow] = [
    (0, LOAD_W * 1e3, 50, 1755, 0),
    (_IDLE_S - 1, LOAD_W * 1e3, 50, 1755, 0),
]
TRACE += [(_IDLE_S - 0.5, IDLE_W * 1e3, 50, 1755, 0), (2000, IDLE_W * 1e3, 50, 1755, 0)]

# Answers loads, and times single calls, as an isolated script does. Before a load is answered,
# what happens can change it: `kind`, `tokens`, `visit` and `load` are there.
SCRIPT = f"""
{READY}for line in sys.stdin:
    kind, *numbers = line.split()
    if kind == "stop":
        continue
    if kind not in ("load", "reference", "idle"):
        tokens, visit = int(kind), int(numbers[0])
        answer({{
            "scenario_key": f"gelu-b{{tokens}}-64-fp32-cold", "visit": visit, "calls": 6,
            "calls_ns": [tokens * 1000 + n for n in range(6)],
            "started_utc_ns": time.time_ns(), "ended_utc_ns": time.time_ns(),
        }})
        continue
    tokens, visit = (0, int(numbers[-1])) if kind != "load" else map(int, numbers)
    begin_ns = {_IDLE_S}_100_000_000 if kind == "idle" else 100_000_000
    marks_ns = list(range(begin_ns, begin_ns + 1_900_000_001, 20_000_000))
    each_ns = tokens * 1000 or 9000
    load = {{
        "kind": "operation" if tokens else kind,
        "scenario_key": f"gelu-b{{tokens}}-64-fp32-cold" if tokens else None,
        "visit": visit,
        "marks_ns": marks_ns,
        "launches": [(mark - begin_ns) // each_ns * (kind != "idle") for mark in marks_ns],
        "duty": None if kind == "idle" else 1.0,
        "replay_s": None if kind == "idle" else 0.003,
        "rotated_bytes": 1 << 30,
    }}
    WHAT_HAPPENS
    answer({{"begin_ns": begin_ns}})
    sys.stdin.readline()
    answer(load)
"""


def a_script(what_happens: str = "pass") -> str:
    return SCRIPT.replace("WHAT_HAPPENS", what_happens)


def virtual_recorder(clock: fake.VirtualClock, seconds: float = 2.2) -> OpenRecorder:
    """Records the simulated sensors at once for as long as a load takes."""

    @contextmanager
    def recording(provenance: Provenance, path: Path) -> Iterator[RecordedRows]:
        begin_s = _IDLE_S if "-idle@" in path.parent.name else 0
        with nvml() as library:
            clock.set_ns(begin_s * 1_000_000_000)
            recorder = SensorReader(Sensors(library, fake.UUID), clock)
            recorder.record(clock.reached(begin_s + seconds))
            first = header(fake.UUID)
        try:
            yield SimpleNamespace(rows=lambda: recorder.rows, processes=())
        finally:
            write_log(path, first, recorder.rows)

    return recording


SimulatedRecorder = Callable[..., AbstractContextManager[OpenRecorder]]


def simulated_recorder(simulate: fake.Simulate) -> SimulatedRecorder:
    """Give recorders of a simulated GPU with conditions of its own: `settings` of the library."""

    @contextmanager
    def sensors(**settings: object) -> Iterator[OpenRecorder]:
        with simulate(settings.pop("trace", TRACE), **settings) as clock:  # type: ignore[arg-type]
            yield virtual_recorder(clock)

    return sensors
