"""A GPU that is simulated for a whole power pass: what each load draws, and what its course does.

The pass is the project's own: its schedule, its block, its recorder on the simulated NVML, its
parser and its model. Only the operations are simulated: the isolated script answers with a load
that ran on the virtual clock.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from moeprof.device.nvml import Sensors, nvml
from moeprof.profiler.power.sensor_log import write_log
from moeprof.profiler.power.sensor_reader import SensorReader
from moeprof.scenarios.duration import START_S
from moeprof.store.provenance import Provenance
from moeprof.tests.fakenvml import fake
from moeprof.tests.profiler.answering import READY

SIZES = np.arange(1, 513)
IDLE_W = 95.0
REFERENCE_W, REFERENCE_US = 330.0, 9.0
CLOCK_MHZ, SLOW_MHZ, HOT = 1755, 1290, 0x40
SETTLE_S, HELD_S = 0.1, 1.1  # before a load, and in it
LOAD_SPREAD = 0.004  # two loads at the same moment of the course differ by this share of power

# Answers each request with the load that the recorder has just simulated.
SCRIPT = f"""
{READY}from pathlib import Path
for line in sys.stdin:
    kind, *numbers = line.split()
    if kind != "stop":
        load = json.loads(Path("LOAD_FILE").read_text()) | {{"visit": int(numbers[-1])}}
        answer({{"begin_ns": load["marks_ns"][0]}})
        sys.stdin.readline()
        answer(load)
"""


@dataclass(frozen=True)
class Op:
    """True time and power of an operation, each at `SIZES`, and how its repeats scatter."""

    name: str
    time_us: Any
    power_w: Any
    time_spread: float
    power_spread: float


@dataclass(frozen=True)
class Weather:
    """What befalls the machine: each is a factor at a time of the pass, in s.

    `shown` says whether the clock and the event reasons show a slow minute, or only the clock, or
    neither.
    """

    name: str
    drift: float = 0.0
    additive: bool = False
    slow_s: tuple[float, float] | None = None
    shown: str = "reasons"

    def is_slow(self, time_s: float) -> bool:
        """Whether a time lies in the slow minute."""
        return self.slow_s is not None and self.slow_s[0] <= time_s < self.slow_s[1]

    def power_w(self, watts: float, time_s: float, whole_s: float) -> float:
        """Power of a load that draws `watts` at the beginning of the pass, in a quiet moment."""
        base_w = REFERENCE_W if self.additive else watts
        leaked_w = base_w * self.drift * min(1.0, time_s / whole_s)
        return (watts + leaked_w) * (0.78 if self.is_slow(time_s) and watts > IDLE_W else 1.0)

    def time_us(self, time_us: float, time_s: float) -> float:
        """Time per launch of a load that takes `time_us` in a quiet moment."""
        return time_us * (1.35 if self.is_slow(time_s) else 1.0)


def draw_op(name: str, rng: np.random.Generator) -> Op:
    """An operation whose time has steps of tiles and whose power rises as it fills the GPU.

    Every third changes its kernel at some size, and with it its power, which no trace tells.
    """
    log_b = np.log2(SIZES)
    tile = int(rng.choice([16, 32, 64, 128]))
    rows = -(-SIZES // tile) if rng.random() < 0.5 else SIZES / tile
    time_us = rng.uniform(4, 40) + rng.uniform(1, 12) * rows
    low_w, high_w = rng.uniform(150, 300), rng.uniform(320, 620)
    filled = 1 / (1 + np.exp(-(log_b - rng.uniform(3, 7)) / rng.uniform(0.8, 1.6)))
    power_w = low_w + (high_w - low_w) * filled
    if rng.random() < 1 / 3:
        power_w = np.where(SIZES < rng.integers(20, 400), power_w, power_w * rng.uniform(0.9, 1.1))
    return Op(name, time_us, power_w, *rng.uniform((0.002, 0.003), (0.006, 0.012)))


@dataclass
class World:
    """A GPU with its virtual clock: gives recorders that simulate each load as it is recorded."""

    folder: Path
    library: Path
    ops: dict[str, Op]
    weather: Weather
    whole_s: float
    rng: np.random.Generator
    clock: fake.VirtualClock = field(init=False)
    phase_ms: float = field(init=False)
    begun_s: float | None = None
    held_s: list[float] = field(default_factory=list)  # times of the pass of undisturbed loads
    _process: tuple[str, str] = ("", "")

    def __post_init__(self) -> None:
        self.clock = fake.VirtualClock(self.folder / "clock")
        self.phase_ms = float(self.rng.uniform(0, 100))

    def mean_drift(self) -> float:
        """Share of the drift in the mean of the undisturbed loads, to which power is corrected."""
        return float(np.mean(np.minimum(1.0, np.array(self.held_s) / self.whole_s)))

    def script(self) -> str:
        """The script of any operation."""
        return SCRIPT.replace("LOAD_FILE", str(self.folder / "answer.json"))

    @contextmanager
    def recorder(self, provenance: Provenance, path: Path) -> Iterator[Any]:
        """Simulate the load that the folder of its log names, and record it."""
        unit, _, number = path.parent.name.rpartition("@")
        self._start(unit, number)
        begin_s = self.clock.monotonic_ns() / 1e9
        begin_s += SETTLE_S
        load = self._load(unit, begin_s)
        settings = {
            "trace": self.folder / "trace.csv",
            "clock": self.folder / "clock",
            "phase_ms": self.phase_ms,
        }
        with fake.simulated_gpu(self.library, **settings), nvml() as library:
            reader = SensorReader(Sensors(library, fake.UUID), self.clock)
            reader.record(self.clock.reached(begin_s + HELD_S))
        (self.folder / "answer.json").write_text(json.dumps(load))
        try:
            yield SimpleNamespace(rows=lambda: reader.rows, processes=())
        finally:
            write_log(path, header_of(), reader.rows)

    def _start(self, unit: str, number: str) -> None:
        """Let the time pass that the start of a process takes: an operation has one for a block."""
        op = next((name for name in self.ops if unit.startswith(f"{name}-")), "")
        if op != self._process[0]:
            self.clock.set_ns(self.clock.monotonic_ns() + int(START_S * 1e9))
        self._process = (op, number)
        if self.begun_s is None:
            self.begun_s = self.clock.monotonic_ns() / 1e9

    def _load(self, unit: str, begin_s: float) -> dict[str, Any]:
        """Write the trace of a load, and return the script's answer."""
        time_us, watts, key = self._draw(unit)
        assert self.begun_s is not None
        at_s = begin_s - self.begun_s
        if key is not None and not self.weather.is_slow(at_s):
            self.held_s.append(at_s)
        grid_s = np.arange(0, HELD_S, 0.02)
        power_w = [self.weather.power_w(watts, at_s + t, self.whole_s) for t in grid_s]
        idle_w = self.weather.power_w(IDLE_W, at_s, self.whole_s)
        slow = [self.weather.is_slow(at_s + t) for t in grid_s]
        clocks = np.where(np.array(slow) & (self.weather.shown != "nothing"), SLOW_MHZ, CLOCK_MHZ)
        reasons = np.where(np.array(slow) & (self.weather.shown == "reasons"), HOT, 0)
        rows = [(begin_s - 1, idle_w * 1e3, 50, CLOCK_MHZ, 0)]
        rows += [(begin_s - 1e-4, idle_w * 1e3, 50, clocks[0], reasons[0])]
        columns = zip(begin_s + grid_s, np.array(power_w) * 1e3, clocks, reasons, strict=True)
        rows += [(t, p, 50, mhz, why) for t, p, mhz, why in columns]
        rows += [(begin_s + HELD_S + 0.25, power_w[-1] * 1e3, 50, clocks[-1], reasons[-1])]
        rows += [(begin_s + HELD_S + 0.2501, idle_w * 1e3, 50, clocks[-1], reasons[-1])]
        fake.write_trace(self.folder / "trace.csv", rows)
        ended = np.zeros(len(grid_s))
        if time_us:
            per_s = [1e6 / self.weather.time_us(time_us, at_s + t) for t in grid_s]
            ended[1:] = np.cumsum(per_s[:-1]) * 0.02
        kind = "idle" if not time_us else "operation" if key else "reference"
        return {
            "kind": kind,
            "scenario_key": key,
            "visit": 0,
            "marks_ns": [int((begin_s + t) * 1e9) for t in grid_s],
            "launches": [int(count) for count in ended],
            "duty": 1.0 if time_us else None,
            "replay_s": 0.003 if time_us else None,
            "rotated_bytes": 1 << 30,
        }

    def _draw(self, unit: str) -> tuple[float, float, str | None]:
        """Time per launch, us, and power, W, of this load; its scenario key."""
        op, _, what = unit.partition("-")
        if what == "idle":
            return 0.0, IDLE_W, None
        time_spread, power_spread = 0.001, LOAD_SPREAD
        time_us, watts, key = REFERENCE_US, REFERENCE_W, None
        if what != "reference":
            one, tokens, key = self.ops[op], int(what[1:].split("-")[0]), unit
            time_spread, power_spread = one.time_spread, one.power_spread
            time_us, watts = one.time_us[tokens - 1], one.power_w[tokens - 1]
        return (
            time_us * self.rng.normal(1, time_spread),
            watts * self.rng.normal(1, power_spread),
            key,
        )


def header_of() -> dict[str, str | None]:
    """Header of the log of the simulated GPU."""
    return {"schema": "moeprof.power_log/1.1", "gpu": fake.UUID, "name": "H200 (simulated)",
            "driver": None}  # fmt: skip
