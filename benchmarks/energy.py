"""Error of energy by moeprof, by a naive counter difference, by the 1-s average, and by zeus.

All four read the same simulated sensor (tests/fakenvml), which replays steady, square and drifting
loads and, with --data, real traces of a power meter. Then whole power passes on that sensor: quiet,
with a slow minute, and with a drift of 3 % (power_pass/). Needs a C compiler. Exits with 1 where a
goal is missed.

    python benchmarks/energy.py [--quick] [--seed N] [--data DIR] [--json FILE]
"""

import argparse
import json
import math
import os
import platform
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / ".path"))

from moeprof.benchmarks.power_pass import recorders  # noqa: E402
from moeprof.benchmarks.power_pass.passes import planned_s, run_pass, summaries, weathers  # noqa: E402
from moeprof.costmodel.thermal.fit import fit_thermal  # noqa: E402
from moeprof.device.nvml import ENERGY, POWER_INSTANT, TEMP_GPU, Sensors, nvml  # noqa: E402
from moeprof.energy.counter import counter_edges, outer_edges_ns  # noqa: E402
from moeprof.energy.per_launch import window_energy  # noqa: E402
from moeprof.energy.power_log import PowerLog, read_power_log  # noqa: E402
from moeprof.energy.window import Window, steady_window  # noqa: E402
from moeprof.profiler.power.device_sensors import header  # noqa: E402
from moeprof.profiler.power.sensor_log import write_log  # noqa: E402
from moeprof.profiler.power.sensor_reader import SensorReader  # noqa: E402
from moeprof.stats.blocks import means_over_blocks  # noqa: E402
from moeprof.store.cost_model import Pole  # noqa: E402
from moeprof.store.recording import Load  # noqa: E402
from moeprof.tests.fakenvml import fake  # noqa: E402

WINDOWS_S = (0.5, 1.0, 2.0)
GOAL_P95_PCT = {0.5: 0.3, 1.0: 0.2, 2.0: 0.1}
LOADS = ("steady", "square", "drift")
WARM_S = 0.5
LATE_MS = 2
SLOW_CALLS_MS = (2, 6, 20)
BLOCK_SPREAD = 0.01
POLES = (
    (Pole(60, 0.06),),
    (Pole(3, 0.02), Pole(60, 0.05)),
    (Pole(3, 0.03), Pole(120, 0.06)),
)
STEADY = 0.1  # relative deviation of a load without bursts: outside the edges it is the same
ZEUS = """
import json, mmap, os, struct, sys
from zeus.monitor import ZeusMonitor
page = mmap.mmap(os.open(os.environ["FAKENVML_CLOCK"], os.O_RDWR), 8)
monitor = ZeusMonitor(gpu_indices=[0], cpu_indices=[])
energies = []
for begin, end in json.load(sys.stdin):
    page[:8] = struct.pack("d", begin)
    monitor.begin_window("w", sync_execution=False)
    page[:8] = struct.pack("d", end)
    energies.append(monitor.end_window("w", sync_execution=False).gpu_energy[0])
print("energies", json.dumps(energies))
"""


@dataclass
class Trace:
    """True power over time, linear between points, and the windows that are measured in it."""

    time_s: Any
    power_w: Any
    windows: list[tuple[float, float]] = field(default_factory=list)
    temp_c: Any = 40.0

    def energy_j(self, begin_s: float, end_s: float) -> float:
        """True energy between two times, J."""
        inside = (self.time_s > begin_s) & (self.time_s < end_s)
        points = np.concatenate([[begin_s], self.time_s[inside], [end_s]])
        return float(np.trapezoid(np.interp(points, self.time_s, self.power_w), points))


@dataclass
class Bench:
    """The folder, the library and the results of one run."""

    folder: Path
    library: Path
    rng: np.random.Generator
    quick: bool
    rows: list[dict[str, Any]] = field(default_factory=list)
    goals: list[dict[str, Any]] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    passes: list[dict[str, Any]] = field(default_factory=list)
    recorders: list[dict[str, Any]] = field(default_factory=list)

    def goal(self, name: str, value: float, unit: str, low: float | None, high: float) -> None:
        """Compare a result with its goal; both bounds are included."""
        text = f"<= {high:g}" if low is None else f"{low:g} to {high:g}"
        met = (low is None or value >= low) and value <= high
        found = {"name": name, "value": float(value), "unit": unit, "goal": text, "met": bool(met)}
        self.goals.append(found)

    def settings(self, trace: Trace) -> dict[str, object]:
        """Write a trace; return the settings of the simulated library, with a random phase."""
        temps = np.broadcast_to(trace.temp_c, trace.time_s.shape)
        rows = zip(trace.time_s, trace.power_w * 1000, temps, strict=True)
        fake.write_trace(self.folder / "trace.csv", ((t, p, c, 1700, 0) for t, p, c in rows))
        phase_ms = self.rng.uniform(0, 100)
        paths = {name: self.folder / name for name in ("trace.csv", "clock")}
        return {"trace": paths["trace.csv"], "clock": paths["clock"], "phase_ms": phase_ms}

    def record(self, trace: Trace, settings: dict[str, object]) -> PowerLog:
        """Record a whole trace on its virtual clock."""
        clock = fake.VirtualClock(self.folder / "clock")
        with fake.simulated_gpu(self.library, **settings), nvml() as library:
            recorder = SensorReader(Sensors(library, fake.UUID), clock)
            recorder.record(clock.reached(trace.time_s[-1]))
            write_log(self.folder / "log.csv", header(fake.UUID), recorder.rows)
        return read_power_log(self.folder / "log.csv")


def power_of(load: str, time_s: Any, rng: np.random.Generator) -> Any:
    """480 W with 0.3 % of noise each 100 ms; drifting by 1 % as it warms, or in 5 ms bursts."""
    noise = 1 + 0.003 * rng.standard_normal(int(time_s[-1] * 10) + 2)
    power = 480 * noise[(time_s * 10).astype(int)]
    if load == "drift":
        return power * (1 - 0.01 * np.exp(-time_s / 3))
    return np.where((time_s % 0.005 > 0.0047), 0.4 * power, power) if load == "square" else power


def synthetic(load: str, window_s: float, count: int, rng: np.random.Generator) -> Trace:
    """`count` windows, each after another operation at 300 W and a gap at 120 W."""
    times, powers, windows, now = [], [], [], 0.0
    response_s = 0.0002 if load == "square" else 0.01
    for _ in range(count):
        length = WARM_S + window_s + rng.uniform(0, 0.1)
        grid = np.arange(0, length + 0.15, response_s)
        times += [np.array([now, now + 1.5, now + 1.5001, now + 1.7]), now + 1.7001 + grid]
        powers += [np.array([300, 300, 120, 120]), power_of(load, grid, rng)]
        windows.append((now + 1.7001 + WARM_S, now + 1.7001 + length))
        now += 1.7001 + grid[-1] + rng.uniform(0.001, 0.1)
    return Trace(np.concatenate(times), np.concatenate(powers), windows)


def ours(log: PowerLog, windows: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Energy and half width of each window, J; NaN where there is none."""
    found = [
        window_energy(log, Window(int(a * 1e9), int(b * 1e9)), 0).energy_mj for a, b in windows
    ]
    nan = float("nan")
    return [(nan if e.value is None else e.value / 1e3, (e.ci95 or nan) / 1e3) for e in found]


def peers(bench: Bench, trace: Trace, settings: dict[str, object]) -> dict[str, list[float]]:
    """Energy of each window, J, by a difference of two readings, by the 1-s average, by zeus."""
    clock = fake.VirtualClock(bench.folder / "clock")
    naive, average = [], []
    with fake.simulated_gpu(bench.library, **settings), nvml() as library:
        sensors = Sensors(library, fake.UUID)

        def read(sensor: Callable[[], Any], at_s: float) -> float:
            clock.set_ns(int(at_s * 1e9))
            return float(sensor()[0].value) / 1000

        for a, b in trace.windows:
            naive.append(read(sensors.energy, b) - read(sensors.energy, a))
            powers = [read(sensors.power_usage, at_s) for at_s in np.arange(a, b, 0.1)]
            average.append(float(np.mean(powers)) * (b - a))
        found = {"naive counter": naive, "1-s average": average}
        if "zeus" not in bench.skipped:
            found["zeus"] = run_zeus(bench, trace.windows)
    return found


def run_zeus(bench: Bench, windows: list[tuple[float, float]]) -> list[float]:
    """Energy of each window by zeus in a process of its own, on the same simulated library, J."""
    environment = os.environ | {"LD_LIBRARY_PATH": str(bench.library.parent)}
    done = subprocess.run(
        [zeus_python(), "-c", ZEUS],
        input=json.dumps(windows),
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("energies "))
    return [float(energy) for energy in json.loads(line.removeprefix("energies "))]


def zeus_python() -> str:
    """Interpreter of the virtual environment of zeus."""
    return str(Path(tempfile.gettempdir()) / "moeprof-peers" / "zeus" / "bin" / "python")


def install_zeus(bench: Bench) -> None:
    """Install zeus into a virtual environment, kept for the next run; else note the reason."""
    python = zeus_python()
    try:
        if not Path(python).exists():
            folder = Path(python).parents[1]
            subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=120)
        install = [python, "-m", "pip", "install", "--quiet", "zeus"]
        subprocess.run(install, check=True, timeout=300, capture_output=True, text=True)
    except (subprocess.SubprocessError, OSError) as error:
        words = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
        bench.skipped["zeus"] = f"could not be installed: {words[-1] if words else error}"


def bench_windows(bench: Bench) -> None:
    """Windows of steady, square and drifting loads: the error of each tool, and our intervals."""
    errors: dict[float, list[float]] = {window_s: [] for window_s in WINDOWS_S}
    for window_s in WINDOWS_S:
        covered, widths = [], []
        for load in LOADS:
            trace = synthetic(load, window_s, 40 if bench.quick else 300, bench.rng)
            truth = np.array([trace.energy_j(a, b) for a, b in trace.windows])
            settings = bench.settings(trace)
            found = np.array(ours(bench.record(trace, settings), trace.windows))
            errors[window_s] += list(found[:, 0] / truth - 1)
            covered += list(np.abs(found[:, 0] - truth) <= found[:, 1])
            widths += list(found[:, 1] / truth)
            by = {"moeprof": found[:, 0], **peers(bench, trace, settings)}
            for name, energies in by.items():
                bench.rows.append(row(load, window_s, name, np.array(energies) / truth - 1))
        p95 = float(np.percentile(np.abs(errors[window_s]), 95)) * 100
        bench.goal(f"p95 error, {window_s:g} s", p95, "%", None, GOAL_P95_PCT[window_s])
        bench.goal(f"one window's 95 % holds, {window_s:g} s", share(covered), "%", 93, 100)
        ratio = float(np.median(widths)) * 100 / p95
        bench.goal(f"one window's 95 % over p95 error, {window_s:g} s", ratio, "x", None, 6)
    bench_blocks(bench, np.array(errors[1.0]))


def bench_blocks(bench: Bench, errors: Any) -> None:
    """Means of 24 points with two blocks that differ by 1 %, with the errors of 1-s windows."""
    covered = []
    for _ in range(40 if bench.quick else 400):
        spread = bench.rng.normal(1, BLOCK_SPREAD, (24, 2))
        means = means_over_blocks((spread * (1 + bench.rng.choice(errors, (24, 2)))).tolist())
        covered += [abs((m.value or math.nan) - 1) <= (m.ci95 or math.nan) for m in means]
    bench.goal("95 % of means over blocks holds", share(covered), "%", 92, 98)


def bench_real(bench: Bench, data: Path | None) -> None:
    """Real traces of a meter and of a sensor, replayed as the GPU's true power."""
    paths = sorted((data / "power").glob("*_meter.csv")) if data else []
    if not paths:
        bench.skipped["real traces"] = "no --data with power/*_meter.csv"
        return
    windows_worst, edges_worst = 0.0, 0.0
    for path in (path for stem in paths for path in (stem, _beside(stem)) if path.exists()):
        columns = np.genfromtxt(path, delimiter=",", names=True)
        names = columns.dtype.names or ()
        trace = Trace(columns[names[0]] - columns[names[0]][0], columns[names[1]])
        middle_w = (trace.power_w.min() + trace.power_w.max()) / 2
        high_s = trace.time_s[trace.power_w > middle_w]
        begin_s, end_s = high_s[0] + 0.5, high_s[-1] - 0.1
        loaded = trace.power_w[(trace.time_s > begin_s) & (trace.time_s < end_s)]
        log = bench.record(trace, bench.settings(trace))
        for window_s in WINDOWS_S:
            starts = bench.rng.uniform(begin_s, end_s - window_s, 20)
            trace.windows = [(float(a), float(a) + window_s) for a in starts]
            truth = [trace.energy_j(a, b) for a, b in trace.windows]
            found = np.array(ours(log, trace.windows))[:, 0]
            whole = row(path.stem, window_s, "moeprof", found / truth - 1)
            edges = row(path.stem, window_s, "edge to edge", edge_errors(log, trace))
            bench.rows += [whole, edges]
            edges_worst = float(np.maximum(edges_worst, edges["p95_pct"]))  # NaN stays
            if np.std(loaded) < STEADY * np.mean(loaded):
                windows_worst = float(np.maximum(windows_worst, whole["p95_pct"]))
    bench.goal("real steady loads, windows, worst p95", windows_worst, "%", None, 0.5)
    bench.goal("all real traces, edge to edge, worst p95", edges_worst, "%", None, 0.5)


def edge_errors(log: PowerLog, trace: Trace) -> list[float]:
    """Relative error of the counter's energy between the outer edges in each window."""
    errors = []
    for a, b in trace.windows:
        edges = counter_edges(log.series(ENERGY)).between(a * 1e9, b * 1e9)
        seen_j = (edges.energy_mj[-1] - edges.energy_mj[0]) / 1e3
        first_s, last_s = edges.time_ns[0] / 1e9, edges.time_ns[-1] / 1e9
        errors.append(seen_j / trace.energy_j(first_s, last_s) - 1)
    return errors


def _beside(meter: Path) -> Path:
    return meter.with_name(meter.name.replace("_meter", "_nvml"))


def bench_late(bench: Bench) -> None:
    """Windows of whole ticks, each of which is seen late by a random time."""
    trace = synthetic("steady", 1.0, 40 if bench.quick else 300, bench.rng)
    log = bench.record(trace, bench.settings(trace) | {"jitter_ms": LATE_MS})
    counter = log.series(ENERGY)
    edges = counter_edges(counter)
    bounds_ns = [(int(a * 1e9), int(b * 1e9)) for a, b in trace.windows]
    whole_ns = [outer_edges_ns(counter, edges.between(*both), *both) for both in bounds_ns]
    windows = [(a / 1e9, b / 1e9) for a, b in whole_ns]
    truth = np.array([trace.energy_j(a, b) for a, b in windows])
    found = np.array(ours(log, windows))
    late = row(f"steady, seen up to {LATE_MS} ms late", 1.0, "moeprof", found[:, 0] / truth - 1)
    bench.rows.append(late)
    covered = list(np.abs(found[:, 0] - truth) <= found[:, 1])
    bench.goal("late ticks, one window's 95 % holds", share(covered), "%", 93, 100)
    ratio = float(np.median(found[:, 1] / truth)) * 100 / late["p95_pct"]
    bench.goal("late ticks, one window's 95 % over p95 error", ratio, "x", None, 6)


def bench_thermal(bench: Bench) -> None:
    """Thermal poles that are known, fitted to a recording in whole degrees."""
    worst = 0.0
    for poles in POLES:
        time_s = np.arange(0, 300, 0.02)
        power = np.where((time_s >= 60) & (time_s < 180), 480.0, 80.0)
        temp = np.full(len(time_s), bench.rng.uniform(28, 34))
        for pole in poles:
            hot, cool = (np.clip(time_s - at, 0, None) for at in (60, 180))
            rise = np.exp(-cool / pole.tau_s) - np.exp(-hot / pole.tau_s)
            temp += pole.r_c_per_w * (80 + 400 * rise)
        trace = Trace(time_s, power, [], temp)
        log = bench.record(trace, bench.settings(trace))
        model = fit_log(log, len(poles))
        for found, true in zip(model.poles, poles, strict=True):
            error = 100 * (found.tau_s / true.tau_s - 1)
            name = f"{len(poles)} pole(s), tau {true.tau_s:g} s"
            bench.rows.append({"load": name, "estimator": "moeprof", "bias_pct": error, "n": 1})
            worst = max(worst, abs(error))
    bench.goal("thermal time constants, worst", worst, "%", None, 6)


def fit_log(log: PowerLog, poles: int) -> Any:
    """Fit the poles to the power and the temperature of a log."""
    temperature, power = log.series(TEMP_GPU).good(), log.series(POWER_INSTANT).good()
    times = temperature.begin_ns / 1e9
    watts = np.interp(times, power.begin_ns / 1e9, power.value / 1e3)
    return fit_thermal(times.tolist(), watts.tolist(), temperature.value.tolist(), poles)


def bench_recorder(bench: Bench) -> None:
    """CPU time, calls and edges of the recorder in real time, beside threads that compute."""
    seconds = 4 if bench.quick else 20
    fake.write_trace(bench.folder / "flat.csv", recorders.FLAT)
    path = bench.folder / "flat_log.csv"
    with fake.simulated_gpu(bench.library, trace=bench.folder / "flat.csv"):
        start_s = _cpu_of_children_s(lambda: recorders.in_process(path, 0.1))
        used_s = _cpu_of_children_s(lambda: recorders.in_process(path, seconds)) - start_s
        readings = read_power_log(path).readings.values()
        calls = {call for series in readings for call in series.begin_ns.tolist()}
        bench.goal("recorder, of one core", 100 * used_s / seconds, "%", None, 1)
        bench.goal("recorder, calls of NVML", len(calls) / seconds, "1/s", None, 150)
        for work in (None, recorders.counting, recorders.long_calls):
            for how in (recorders.in_thread, recorders.in_process):
                with recorders.busy(work):
                    how(path, seconds)
                bench_edges(bench, work, how, recorders.found_edges(path))


def bench_edges(bench: Bench, work: Any, how: Any, found: recorders.Found) -> None:
    """Goals of the recorder as it is; what one in a thread finds is a row."""
    beside = "nothing" if work is None else work.__name__.replace("_", " ")
    name = f"recorder {how.__name__.replace('_', ' ')} beside {beside}"
    bench.recorders.append({"recorder": name, **vars(found)})
    if how is recorders.in_process:
        bench.goal(f"{name}: edges lost", found.lost_pct, "%", None, 2)
        bench.goal(f"{name}: edges off, p95", found.off_p95_ms, "ms", None, 1)


def _cpu_of_children_s(run: Callable[[], None]) -> float:
    """CPU time of the processes that `run` starts and ends, s."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def bench_slow_calls(bench: Bench) -> None:
    """Loads under an NVML whose calls take so long that no edge is known to 3 ms."""
    for call_ms in SLOW_CALLS_MS:
        trace = synthetic("steady", 1.9, 40 if bench.quick else 200, bench.rng)
        log = bench.record(trace, bench.settings(trace) | {"call_ms": call_ms})
        marks_ns = [(int(a * 1e9), int(b * 1e9)) for a, b in trace.windows]
        loads = [Load("idle", None, 0, marks, (0, 0)) for marks in marks_ns]
        windows = [steady_window(log.series(ENERGY), load)[0] for load in loads]
        bounds = [(one.begin_ns / 1e9, one.end_ns / 1e9) for one in windows]
        truth = np.array([trace.energy_j(a, b) for a, b in bounds])
        found = np.array(ours(log, bounds))
        slow = row(f"steady, calls of {call_ms} ms", 1.4, "moeprof", found[:, 0] / truth - 1)
        bench.rows.append(slow)
        covered = list(np.abs(found[:, 0] - truth) <= found[:, 1])
        name = f"calls of {call_ms} ms"
        bench.goal(f"{name}, one window's 95 % holds", share(covered), "%", 93, 100)
        ratio = float(np.median(found[:, 1] / truth)) * 100 / slow["p95_pct"]
        bench.goal(f"{name}, one window's 95 % over p95 error", ratio, "x", None, 6)


def bench_pass(bench: Bench) -> None:
    """Whole power passes: the error of the fitted energies against that of a quiet pass."""
    outcomes = []
    for _ in range(1 if bench.quick else 4):
        seed = int(bench.rng.integers(1 << 30))
        for weather in weathers(planned_s(), bench.rng):
            with tempfile.TemporaryDirectory(dir=bench.folder) as folder:
                outcomes.append(run_pass(Path(folder), bench.library, weather, seed))
    bench.passes = list(summaries(outcomes))
    quiet = bench.passes[0]
    for found in bench.passes:
        name = found["weather"]
        for quantity in ("energy", "power"):
            ratio = found[f"{quantity}_pct"] / quiet[f"{quantity}_pct"]
            bench.goal(f"{name}: {quantity}, over that of quiet", ratio, "x", None, 1.5)
        bench.goal(f"{name}: off and unmarked", found["off_unmarked_pct"], "%", None, 0)
    for percent, low in ((95, 92), (80, 77), (50, 47)):
        covered = quiet[f"between_covers_{percent}"]
        bench.goal(f"quiet: {percent} % between anchors holds", covered, "%", low, low + 6)
        score = quiet[f"between_score_{percent}"]
        bench.goal(f"quiet: {percent} % between anchors, score", score, "x", None, 1.35)


def share(hits: list[Any]) -> float:
    """Share of hits, percent."""
    return 100 * float(np.mean(hits))


def row(load: str, window_s: float, estimator: str, errors: Any) -> dict[str, Any]:
    """One line of the results; `errors` are relative."""
    pct = 100 * np.asarray(errors)
    summary = {
        "bias_pct": np.mean(pct),
        "sd_pct": np.std(pct),
        "p95_pct": np.percentile(np.abs(pct), 95),
    }
    numbers = {name: float(value) for name, value in summary.items()}
    return {"load": load, "window_s": window_s, "estimator": estimator, "n": len(pct), **numbers}


def report(bench: Bench) -> Iterator[str]:
    """Print the results as a table."""
    yield f"{'load':34s}{'window s':>9s}{'estimator':>16s}{'n':>5s}{'bias %':>9s}{'p95 %':>8s}"
    for r in bench.rows:
        window, p95 = r.get("window_s", ""), r.get("p95_pct")
        tail = "" if p95 is None else f"{p95:8.2f}"
        head = f"{r['load']:34s}{window:>9}{r['estimator']:>16s}{r['n']:5d}"
        yield f"{head}{r['bias_pct']:+9.2f}{tail}"
    for found in bench.recorders:
        lost, off = found["lost_pct"], found["off_p95_ms"]
        yield f"{found['recorder']:48s}{lost:6.1f} % of edges lost, others off by {off:.2f} ms"
    for found in bench.passes:
        yield f"{found['weather']}, {found['passes']} passes"
        numbers = [f"{k} {v:.3g}" for k, v in found.items() if isinstance(v, float)]
        yield "    " + ", ".join(numbers)
    for name, reason in bench.skipped.items():
        yield f"skipped {name}: {reason}"
    for goal in bench.goals:
        verdict = "met " if goal["met"] else "MISSED"
        value = f"{goal['value']:9.3f} {goal['unit']:4s}"
        yield f"{verdict:7s}{goal['name']:48s}{value} goal {goal['goal']}"


def main() -> None:
    """Run everything, and say which goals are met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="fewer windows: within a minute")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, default=os.environ.get("MOEPROF_SAMPLE_DATA"))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        rng = np.random.default_rng(options.seed)
        bench = Bench(Path(name), fake.build(Path(name)), rng, options.quick)
        install_zeus(bench)
        bench_windows(bench)
        bench_real(bench, Path(options.data) if options.data else None)
        bench_thermal(bench)
        bench_late(bench)
        bench_slow_calls(bench)
        bench_recorder(bench)
        bench_pass(bench)
    print("\n".join(report(bench)))
    if options.json:
        machine = {"machine": platform.platform(), "python": platform.python_version()}
        versions = {name: metadata.version(name) for name in ("numpy", "scipy", "nvidia-ml-py")}
        kept = {name: value for name, value in vars(bench).items() if name in _KEPT}
        body = {**machine, "versions": versions, "seed": options.seed, **kept}
        options.json.write_text(json.dumps(body, indent=2) + "\n", encoding="utf-8")


_KEPT = ("quick", "rows", "goals", "skipped", "passes", "recorders")

if __name__ == "__main__":
    main()
