"""Time and memory to turn an nsys export into tables, compared with other ways to read it.

Cases run one after the other, each in a process of its own, on the same file:

    ours        parse, attribute, join, write Parquet, on all cores
    ours-1      the same on one core
    scan        SQLite's total() of the same columns: the least time of any SQL reader
    plain       read the file's bytes
    pandas      the common way: read_sql, merge, merge_asof to the nearest sample, to_parquet
    join        the join alone, of arrays in memory
    arrow       ours, on the Arrow export that nsys would write of the same tables
    report      a report (.nsys-rep) of ranges: exported to Arrow, read, attributed, written
    by-sqlite   the same by way of SQLite, as where nsys cannot export to Arrow
    equal       compare what `report` and `by-sqlite` read, row by row
    check       compare the tables of `ours` with SQLite's sums and a plain loop over kernels

A child's ru_maxrss starts at its parent's peak, so this process imports only the standard library.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
COLUMNS = {
    "CUPTI_ACTIVITY_KIND_KERNEL": (
        "start", "end", "globalPid", "demangledName", "gridX", "gridY", "gridZ", "blockX",
        "blockY", "blockZ", "registersPerThread", "staticSharedMemory", "dynamicSharedMemory",
        "deviceId", "contextId", "streamId", "correlationId", "graphNodeId",
    ),
    "CUPTI_ACTIVITY_KIND_RUNTIME": ("start", "end", "globalTid", "correlationId"),
    "NVTX_EVENTS": (
        "start", "end", "eventType", "globalTid", "endGlobalTid", "textId", "domainId", "text",
    ),
    "GPU_METRICS": ("timestamp", "typeId", "metricId", "value"),
}  # fmt: skip


def ours(trace: Path, out: Path) -> dict[str, Any]:
    """Parse the trace into `out`."""
    from moeprof.parsers.trace_file import parse_trace
    from moeprof.store.tables.table_set import writing_tables

    began = time.perf_counter()
    with writing_tables(out) as tables:
        for name, piece in parse_trace(trace).pieces:
            tables.write(name, piece)
    return {"seconds": time.perf_counter() - began, "rows": tables.rows}


def report(trace: Path, out: Path) -> dict[str, Any]:
    """Export a report as `moeprof parse` does and parse it into `out`."""
    from moeprof.profiler.report_export import exported

    began = time.perf_counter()
    with exported(trace) as copy:
        assert copy.is_dir(), "nsys did not export to Arrow"
        rows = ours(copy, out)["rows"]
    return {"seconds": time.perf_counter() - began, "rows": rows}


def by_sqlite(trace: Path, out: Path) -> dict[str, Any]:
    """Export all tables of a report to SQLite and parse them into `out`."""
    from moeprof.profiler.collectors.nsys import Nsys

    began = time.perf_counter()
    nsys = shutil.which("nsys")
    assert nsys is not None
    Nsys(nsys).export(trace, out / "report.sqlite")
    rows = ours(out / "report.sqlite", out)["rows"]
    return {"seconds": time.perf_counter() - began, "rows": rows}


def equal(trace: Path, out: Path) -> dict[str, Any]:
    """Compare every range and kernel that both exports of a report give."""
    from moeprof.parsers.nsys.trace import read_nsys
    from moeprof.profiler.report_export import exported

    with exported(trace) as copy:
        by_arrow, by_sqlite = read_nsys(copy), read_nsys(out / "report.sqlite")
    assert len(by_arrow.range_names), "the report has no ranges"
    assert by_arrow.range_names.equals(by_sqlite.range_names), "names differ"
    assert by_arrow.kernels.equals(by_sqlite.kernels), "kernels differ"
    for field in ("start_ns", "end_ns", "thread"):
        left, right = (getattr(each.ranges, field) for each in (by_arrow, by_sqlite))
        assert (left == right).all(), f"{field} differs"
    return {"seconds": 0.0}


def scan(trace: Path, out: Path) -> dict[str, Any]:
    """Let SQLite sum every column that is read."""
    import sqlite3

    database = sqlite3.connect(f"{trace.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
    tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
    began = time.perf_counter()
    for table, columns in COLUMNS.items():
        if table in tables:
            totals = ", ".join(f"total({name})" for name in columns)
            database.execute(f"SELECT {totals} FROM {table}").fetchone()
    return {"seconds": time.perf_counter() - began}


def plain(trace: Path, out: Path) -> dict[str, Any]:
    """Read the file's bytes."""
    began = time.perf_counter()
    with trace.open("rb", buffering=0) as file:
        while file.read(1 << 20):
            pass
    return {"seconds": time.perf_counter() - began}


def pandas(trace: Path, out: Path) -> dict[str, Any]:
    """Parse as many scripts do: nearest sample for a kernel, latest range for a call."""
    import sqlite3

    import pandas as pd

    database = sqlite3.connect(trace)
    began = time.perf_counter()
    kernels = pd.read_sql("SELECT * FROM CUPTI_ACTIVITY_KIND_KERNEL ORDER BY start", database)
    calls = pd.read_sql("SELECT * FROM CUPTI_ACTIVITY_KIND_RUNTIME ORDER BY start", database)
    ranges = pd.read_sql("SELECT * FROM NVTX_EVENTS ORDER BY start", database)
    names = pd.read_sql("SELECT * FROM StringIds", database)
    metrics = pd.read_sql("SELECT * FROM GPU_METRICS", database)
    wide = metrics.pivot(index="timestamp", columns="metricId", values="value").reset_index()
    wide.columns = [str(name) for name in wide.columns]
    ranges = ranges[["start", "text", "globalTid"]].rename(columns={"start": "opened"})
    calls = pd.merge_asof(calls, ranges, left_on="start", right_on="opened", by="globalTid")
    kernels = kernels.merge(names, left_on="demangledName", right_on="id")
    kernels = kernels.merge(calls[["correlationId", "text"]], on="correlationId", how="left")
    kernels = pd.merge_asof(
        kernels.sort_values("start"), wide, left_on="start", right_on="timestamp",
        direction="nearest",
    )  # fmt: skip
    kernels.to_parquet(out / "kernels.parquet")
    wide.to_parquet(out / "metrics.parquet")
    return {"seconds": time.perf_counter() - began}


def join(trace: Path, out: Path) -> dict[str, Any]:
    """Join samples to launches in memory, from the tables that `ours` wrote to `out`."""
    import numpy as np
    import pyarrow.parquet as pq

    from moeprof.parsers.metric_join import MetricJoin
    from moeprof.store.tables.schemas import METRIC_COLUMNS

    launches = pq.read_table(out / "launches.parquet", columns=["start_ns", "duration_ns"])
    samples = pq.read_table(out / "gpu_samples.parquet")
    start, duration = (column.to_numpy() for column in launches.columns)
    time_ns = samples["time_ns"].to_numpy()
    present = [name for name in METRIC_COLUMNS if samples[name].null_count < len(samples)]
    metrics = {name: np.ascontiguousarray(samples[name].to_numpy()) for name in present}
    began = time.perf_counter()
    joined = MetricJoin(start, duration)
    for first in range(0, len(time_ns), 65_536):
        piece = slice(first, first + 65_536)
        joined.add(time_ns[piece], {name: values[piece] for name, values in metrics.items()})
    joined.close()
    for first in range(0, len(start), 65_536):  # in blocks, as the parser does
        joined.overlap(slice(first, first + 65_536))
    return {"seconds": time.perf_counter() - began}


def check(trace: Path, out: Path) -> dict[str, Any]:
    """Compare the tables that `ours` wrote with SQLite's sums and a plain loop over kernels."""
    import sqlite3

    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    launches = pq.read_table(out / "launches.parquet")
    database = sqlite3.connect(trace)
    kernels = "SELECT count(*), total(end - start) FROM CUPTI_ACTIVITY_KIND_KERNEL"
    count, length = database.execute(f"{kernels} WHERE end >= start").fetchone()
    assert launches.num_rows == count, "a kernel is missing"
    assert int(launches["duration_ns"].to_numpy().sum()) == length, "kernel time is not conserved"
    sampled = out / "gpu_samples.parquet"
    if sampled.is_file():
        samples = pq.read_table(sampled, columns=["gpu", "time_ns", "sm_active_pct"]).drop_null()
        for gpu in samples["gpu"].unique():
            own = (each.filter(pc.equal(each["gpu"], gpu)) for each in (launches, samples))
            check_means(*own)
    return {"seconds": 0.0}


def check_means(launches: Any, samples: Any) -> None:
    """Compare the means of 200 launches on one GPU with the overlap with each of its samples."""
    import numpy as np

    time_ns, value = samples["time_ns"].to_numpy(), samples["sm_active_pct"].to_numpy()
    origin = int(time_ns[0])
    ends = (time_ns - origin).astype(float)
    period = np.median(np.diff(ends[:1001]))
    begins = ends - np.minimum(np.diff(ends, prepend=-period), 2 * period)
    rows = np.linspace(0, len(launches) - 1, min(200, len(launches))).astype(int)
    for row in launches.take(rows).to_pylist():
        start = float(row["start_ns"] - origin)
        overlap = np.minimum(ends, start + row["duration_ns"]) - np.maximum(begins, start)
        weight = np.clip(overlap, 0, None)
        if weight.sum():
            mean = float(np.sum(weight * value) / weight.sum())
            assert abs(row["sm_active_pct"] - mean) < 1e-6, "a mean differs from a plain loop's"


CASES: dict[str, Callable[[Path, Path], dict[str, Any]]] = {
    "ours": ours, "ours-1": ours, "arrow": ours, "scan": scan, "plain": plain, "pandas": pandas,
    "join": join, "check": check, "report": report, "by-sqlite": by_sqlite, "equal": equal,
}  # fmt: skip
OURS = ("ours", "ours-1", "arrow", "report", "by-sqlite")
MODULES = (
    "moeprof.parsers.trace_file", "moeprof.parsers.nsys.sqlite_tables",
    "moeprof.profiler.report_export",
)  # fmt: skip


def child(case: str, trace: Path, out: Path) -> None:
    """Run one case and print what it took as JSON; no case of ours is timed with its imports."""
    if case == "ours-1":
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    if case in OURS:
        for module in MODULES:
            import_module(module)
    before_s = cpu_s()
    result = CASES[case](trace, out)
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps(result | {"peak_mib": peak_kib / 1024, "cpu_s": cpu_s() - before_s}))


def cpu_s() -> float:
    """CPU seconds of this process and of those that it has run, such as nsys."""
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def run(case: str, trace: Path, out: Path) -> dict[str, Any]:
    """Run one case in a process of its own; raises SystemExit where it fails."""
    command = [sys.executable, __file__, "--child", case, str(trace), str(out)]
    ended = subprocess.run(command, env=_environment(), capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SystemExit(f"{case} failed: {ended.stderr[-2000:]}")
    row: dict[str, Any] = json.loads(ended.stdout) | {"case": case, "file": trace.name}
    row["load"] = os.getloadavg()[0]
    print(f"{case:10}{trace.name:22}{row['seconds']:8.2f} s{row['peak_mib']:8.0f} MiB", flush=True)
    return row


def best(rows: Sequence[dict[str, Any]], case: str, file: str, key: str = "seconds") -> float:
    """Smallest value among the runs of a case on a file."""
    return min(float(row[key]) for row in rows if (row["case"], row["file"]) == (case, file))


def generate(folder: Path, quick: bool, seed: int) -> list[tuple[Path, int, int]]:
    """Write traces of 1x, 2x, 4x, and one of 1x kernels with 4x metrics: path, kernels, rows."""
    kernels, metrics = (25_000, 250_000) if quick else (500_000, 5_000_000)
    sizes = {
        "1x.sqlite": (kernels, metrics),
        "2x.sqlite": (2 * kernels, 2 * metrics),
        "4x.sqlite": (4 * kernels, 4 * metrics),
        "4x-metrics.sqlite": (kernels, 4 * metrics),
    }
    for name, (many, rows) in sizes.items():
        command = [sys.executable, str(Path(__file__).parent / "traces" / "synthetic_trace.py")]
        command += [str(folder / name), f"--kernels={many}", f"--metric-rows={rows}"]
        subprocess.run([*command, f"--seed={seed}"], check=True, env=_environment())
    return [(folder / name, *size) for name, size in sizes.items()]


def measure_arrow(sqlite: Path, folder: Path, repeats: int) -> list[dict[str, Any]]:
    """Time `ours` on the Arrow export of a database, after a comparison of its tables."""
    copy, out = folder / "arrow", folder / sqlite.stem
    program = Path(__file__).parent / "traces" / "arrow_copy.py"
    subprocess.run([sys.executable, str(program), str(sqlite), str(copy)], check=True)
    before = {path.name: path.read_bytes() for path in out.glob("*.parquet")}
    rows = [run("arrow", copy, out) for _ in range(repeats)]
    assert all((out / name).read_bytes() == body for name, body in before.items()), "tables differ"
    return rows


def record(folder: Path, quick: bool) -> Path | None:
    """Let nsys record a program with ranges; None, with the reason printed, where it cannot."""
    nsys = shutil.which("nsys")
    forms = _output([nsys, "export", "--help"]) if nsys else ""
    if nsys is None or "arrowdir" not in forms:
        print("no nsys that exports to Arrow is on PATH: the cases of a report are left out")
        return None
    path = folder / "ranges.nsys-rep"
    program = Path(__file__).parent / "traces" / "marked_program.py"
    command = [nsys, "profile", "--trace=nvtx", "--sample=none", "--cpuctxsw=none", f"-o{path}"]
    command += [sys.executable, str(program), str(30_000 if quick else 1_000_000)]
    _output(command)
    return path


def measure_report(path: Path, folder: Path, repeats: int) -> list[dict[str, Any]]:
    """Time both ways to read a report in turns, then compare what they read."""
    out = folder / "report"
    out.mkdir()
    rows = [run(case, path, out) for _ in range(repeats) for case in ("report", "by-sqlite")]
    run("equal", path, out)
    return rows


def report_goals(rows: Sequence[dict[str, Any]], path: Path) -> list[Any]:
    """Compare the two ways to read a report with the goal, in elapsed and in CPU time."""
    ratios = {
        name: best(rows, "report", path.name, key) / best(rows, "by-sqlite", path.name, key)
        for name, key in (("report / by-sqlite", "seconds"), ("the same, CPU time", "cpu_s"))
    }
    return [
        {"name": name, "value": value, "unit": "ratio", "goal": 0.65, "met": value <= 0.65}
        for name, value in ratios.items()
    ]


def goals(rows: Sequence[dict[str, Any]], traces: Sequence[tuple[Path, int, int]]) -> list[Any]:
    """Compare the results with the goals."""
    (small, few, _), _, (big, many, _), (sampled, *_) = traces
    names = small.name, big.name, sampled.name
    scanned, parsed = best(rows, "scan", names[1]), best(rows, "ours", names[1])
    peak = {name: best(rows, "ours", name, "peak_mib") for name in names}
    per_kernel = (peak[names[1]] - peak[names[2]]) * 2**20 / (many - few)
    values = [
        ("pandas / ours", best(rows, "pandas", names[1]) / parsed, "ratio", 10, True),
        ("ours / scan, all cores", parsed / scanned, "ratio", 2.5, False),
        ("ours / scan, one core", best(rows, "ours-1", names[1]) / scanned, "ratio", 4, False),
        ("peak memory", peak[names[1]], "MiB", 800, False),
        ("growth with 4x metric rows", peak[names[2]] - peak[names[0]], "MiB", 16, False),
        ("memory of a further kernel", per_kernel, "bytes", 350, False),
        ("the join alone", best(rows, "join", names[1]), "s", 0.6, False),
    ]
    return [
        {"name": name, "value": value, "unit": unit, "goal": goal,
         "met": value >= goal if at_least else value <= goal}
        for name, value, unit, goal, at_least in values
    ]  # fmt: skip


def measure(traces: Sequence[Path], folder: Path, repeats: int) -> list[dict[str, Any]]:
    """Check the results on each trace, then time every case in turns."""
    rows = []
    for trace in traces:
        out = folder / trace.stem
        out.mkdir()
        run("ours", trace, out)
        run("check", trace, out)
        for _ in range(repeats):
            rows += [run(case, trace, out) for case in ("plain", "scan", "ours", "ours-1")]
            if (out / "gpu_samples.parquet").is_file():
                rows.append(run("join", trace, out))
    return rows


def _output(command: Sequence[str]) -> str:
    """Run a command to its end and return what it printed."""
    return subprocess.run(
        command, check=True, env=_environment(), capture_output=True, text=True
    ).stdout


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT / ".path"), "PYTHONSAFEPATH": "1"}


def main() -> None:
    """Run the benchmark as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a twentieth of the size, one repeat")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, help="folder of nsys exports to use instead")
    parser.add_argument("--json", type=Path, help="file for the results")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(given.child[0], *map(Path, given.child[1:]))
        return
    with tempfile.TemporaryDirectory() as folder:
        repeats = 1 if given.quick else 3
        if given.data:
            rows, met = measure(sorted(given.data.glob("*.sqlite")), Path(folder), repeats), []
        else:
            traces = generate(Path(folder), given.quick, given.seed)
            rows = measure([path for path, *_ in traces], Path(folder), repeats)
            rows.append(run("pandas", traces[2][0], Path(folder)))
            rows += measure_arrow(traces[2][0], Path(folder), repeats)
            met = goals(rows, traces)
            if path := record(Path(folder), given.quick):
                rows += measure_report(path, Path(folder), repeats)
                met += report_goals(rows, path)
    if given.quick:
        print("the goals are for the full size; here start-up and fixed buffers weigh too much")
    for goal in met:
        verdict = "met" if goal["met"] else "MISSED"
        print(f"{goal['name']:28}{goal['value']:8.2f} {goal['unit']:6} {goal['goal']:6} {verdict}")
    machine = {"cpu": platform.processor() or platform.machine(), "cores": os.cpu_count(),
               "python": platform.python_version()}  # fmt: skip
    if given.json:
        body = {"machine": machine, "seed": given.seed, "rows": rows, "goals": met}
        given.json.write_text(json.dumps(body, indent=2))


if __name__ == "__main__":
    main()
