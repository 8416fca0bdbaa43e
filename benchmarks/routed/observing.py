"""What it costs to watch a GPU and to log each pass, and what a killed process loses of its log."""

import csv
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import numpy as np

from moeprof.benchmarks.on_gpu.document import Row
from moeprof.benchmarks.routed.goals import at_most, beside, skipped
from moeprof.router.metrics.log_folder import read_metrics
from moeprof.router.metrics.logger import MetricsLogger
from moeprof.router.metrics.row import MetricsRow, sensed
from moeprof.router.monitor.monitor import GpuSystemMonitor
from moeprof.router.monitor.snapshot import Snapshot
from moeprof.tests.fakenvml import fake

EXPERTS = 256
STEADY = [(0, 300e3, 50.5, 1755, 0), (1000, 300e3, 50.5, 1755, 0)]
SERVER = """
import sys, time
from moeprof.router.metrics.logger import MetricsLogger
from moeprof.router.metrics.row import MetricsRow
with MetricsLogger(sys.argv[1]) as log:
    print("ready", flush=True)
    while True:
        log.log(MetricsRow(expert_counts=range(256)))
        time.sleep(0.005)
"""


def rows(seed: int, quick: bool) -> Iterator[Row]:
    """The monitor's costs, and those of each format of the log."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if fake.compiler() is None:
            yield skipped("monitor, of one core", "%", "no C compiler to build the simulated NVML")
            seen = None
        else:
            seen = yield from watching(folder, 2 if quick else 20)
        for ending in ("csv", "parquet"):
            yield from logging(folder / f"costs.{ending}", seed, 2000 if quick else 20_000, seen)
            yield from killing(folder, ending, seed, 2 if quick else 10)


def watching(folder: Path, seconds: float) -> Generator[Row, None, Snapshot]:
    """What a monitor of the simulated NVML takes, and how its power scatters; its last snapshot."""
    fake.write_trace(folder / "trace.csv", STEADY)
    with fake.simulated_gpu(fake.build(folder), trace=folder / "trace.csv"):
        with GpuSystemMonitor.of_gpu() as monitor:
            time.sleep(2)
            began, used = time.monotonic(), time.process_time()
            time.sleep(seconds)
            share = (time.process_time() - used) / (time.monotonic() - began)
            seen = [s for s in monitor.history() if s.at_s > began]
            read_us = time_of(monitor.snapshot, 10_000)
    power_w = np.array([s.power_w for s in seen if s.power_w is not None])
    error = float(np.quantile(np.abs(power_w / 300 - 1), 0.95))
    yield beside("monitor, of one core", 100 * share, "%")
    yield beside("monitor, a reader's call: median time", read_us[0], "us")
    yield beside("monitor, power of a steady load: p95 error", 100 * error, "%")
    return seen[-1]


def logging(path: Path, seed: int, passes: int, seen: Snapshot | None) -> Iterator[Row]:
    """What a row costs the thread that serves, and the one that writes."""
    counts = np.random.default_rng(seed).integers(0, 100, (passes, EXPERTS))
    given = {} if seen is None else sensed(seen)
    with MetricsLogger(path) as log:

        def serve() -> None:
            at = next(steps)
            log.log(
                MetricsRow(step=at, tokens=64, latency_us=250.0, router_us=40.0, predicted_j=0.5,
                           predicted_source="measured", baseline_j=0.6, kl_nats=0.01,
                           expert_counts=counts[at], baseline_counts=counts[at - 1],
                           certificate_gap_scores=0.01, loss_task=2.0,
                           ttha_terms={"ttha_power_loss": 0.1, "offset_w": 3.0}, **given)
            )  # fmt: skip
            if at % 500 == 499:  # as a server that serves 1000 passes a second
                time.sleep(0.5)

        steps = iter(range(passes))
        used = time.process_time()
        median_us, p99_us = time_of(serve, passes, slowest_us=1e5)
    used_us = (time.process_time() - used) * 1e6 / passes
    kind = path.suffix[1:]
    yield at_most(f"log as {kind}, a row of {EXPERTS} experts: median time", median_us, "us", 50)
    yield beside(f"log as {kind}, a row of {EXPERTS} experts: p99 time", p99_us, "us")
    yield beside(f"log as {kind}, a row: CPU time of both threads", used_us, "us")
    yield at_most(f"log as {kind}: rows lost", log.lost, "", 0)


def time_of(
    call: Callable[[], object], times: int, slowest_us: float = np.inf
) -> tuple[float, float]:
    """Median and 99th percentile of the times of single calls, us, without those that slept."""
    taken_us = np.empty(times)
    for turn in range(times):
        began = time.perf_counter_ns()
        call()
        taken_us[turn] = (time.perf_counter_ns() - began) / 1e3
    quick = taken_us[taken_us < slowest_us]
    return float(np.median(quick)), float(np.quantile(quick, 0.99))


def killing(folder: Path, ending: str, seed: int, times: int) -> Iterator[Row]:
    """How old the last row is that a killed process had written, and whether all before are there.

    Rows are logged every 5 ms; the process is killed at a random moment.
    """
    rng = np.random.default_rng(seed)
    ages_s, missing = [], 0
    for turn in range(times):
        path = folder / f"killed-{turn}.{ending}"
        command = [sys.executable, "-c", SERVER, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
            assert server.stdout is not None
            server.stdout.readline()
            time.sleep(1.5 + rng.random())
            server.send_signal(signal.SIGKILL)
            killed_s = time.monotonic()
        at_s = times_of_rows(path)
        ages_s.append(killed_s - at_s[-1])
        missing += int((np.diff(at_s) > 0.25).sum())
    yield at_most(f"log as {ending}, killed: age of its last row, the worst of {times}",
                  max(ages_s), "s", 1)  # fmt: skip
    yield at_most(f"log as {ending}, killed: gaps before it", missing, "", 0)


def times_of_rows(path: Path) -> np.ndarray:
    """When the rows of a log were made, s, those that are whole."""
    if path.suffix == ".parquet":
        return read_metrics(path)["at_s"].to_numpy()
    whole = path.read_text().rpartition("\n")[0].splitlines()[1:]
    return np.array([float(row["at_s"]) for row in csv.DictReader(whole)])
