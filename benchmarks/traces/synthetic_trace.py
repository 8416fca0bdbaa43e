"""A synthetic nsys export of any size, with the tables and columns that the parser reads.

The GPU is busy 80 % of the time and sampled at 10 kHz. Kernel durations are log-normal: with ten
metric rows per kernel the median kernel lasts 134 us and one in seven contains no sample. Every
kernel has a runtime call 40 us before it, and every eight calls are in one range.
"""

import argparse
import sqlite3
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np

METRICS = {
    "SMs Active [Throughput %]": 100,
    "Tensor Active [Throughput %]": 100,
    "DRAM Read Bandwidth [Throughput %]": 100,
    "GPC Clock Frequency [MHz]": 1_980_000_000,  # in Hz, as nsys writes it
}
PERIOD_NS = 100_000
FIRST_NS = 1_000_000_000
KERNELS_PER_RANGE = 8
NAMES = 400
PID = 4242
THREAD = PID << 24 | 7
TYPE_ID = 281479271677952

_KERNEL_COLUMNS = (
    "start", "end", "deviceId", "contextId", "greenContextId", "streamId", "correlationId",
    "globalPid", "demangledName", "shortName", "mangledName", "launchType", "cacheConfig",
    "registersPerThread", "gridX", "gridY", "gridZ", "blockX", "blockY", "blockZ",
    "staticSharedMemory", "dynamicSharedMemory", "localMemoryPerThread", "localMemoryTotal",
    "gridId", "sharedMemoryExecuted", "graphNodeId", "sharedMemoryLimitConfig",
)  # fmt: skip
_TABLES = {
    "StringIds": "id INTEGER NOT NULL PRIMARY KEY, value TEXT NOT NULL",
    "META_DATA_EXPORT": "name TEXT, value TEXT",
    "TARGET_INFO_SESSION_START_TIME": "utcEpochNs INTEGER, utcTime TEXT, localTime TEXT",
    "TARGET_INFO_GPU": "id INTEGER, name TEXT",
    "TARGET_INFO_CUDA_DEVICE": "gpuId INTEGER, cudaId INTEGER, pid INTEGER",
    "TARGET_INFO_GPU_METRICS": (
        "typeId INTEGER, sourceId INTEGER, typeName TEXT, metricId INTEGER, metricName TEXT"
    ),
    "CUPTI_ACTIVITY_KIND_KERNEL": ", ".join(f"{name} INTEGER" for name in _KERNEL_COLUMNS),
    "CUPTI_ACTIVITY_KIND_RUNTIME": (
        "start INTEGER NOT NULL, end INTEGER NOT NULL, eventClass INTEGER, globalTid INTEGER,"
        " correlationId INTEGER, nameId INTEGER, returnValue INTEGER, callchainId INTEGER"
    ),
    "NVTX_EVENTS": (
        "start INTEGER NOT NULL, end INTEGER, eventType INTEGER, rangeId INTEGER,"
        " category INTEGER, color INTEGER, text TEXT, globalTid INTEGER, endGlobalTid INTEGER,"
        " textId INTEGER, domainId INTEGER"
    ),
    "GPU_METRICS": "timestamp INTEGER, typeId INTEGER NOT NULL, metricId INTEGER NOT NULL,"
    " value INTEGER NOT NULL",
}


def write_trace(path: Path, kernels: int, metric_rows: int, seed: int) -> None:
    """Write a trace; equal seeds and sizes give equal rows."""
    path.unlink(missing_ok=True)
    random = np.random.default_rng(seed)
    database = sqlite3.connect(path)
    database.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;")
    for table, columns in _TABLES.items():
        database.execute(f"CREATE TABLE {table} ({columns})")
    _describe(database)
    samples = metric_rows // len(METRICS)
    span_ns = max(samples * PERIOD_NS, kernels * 250_000)
    _write_samples(database, samples, random)
    _write_kernels(database, kernels, span_ns, random)
    database.commit()
    database.close()


def _describe(database: sqlite3.Connection) -> None:
    names = [(n, f"void kernel_{n}<float, {n}>(float const*, float*)") for n in range(NAMES)]
    _insert(database, "StringIds", names)
    _insert(database, "META_DATA_EXPORT", [("EXPORT_SCHEMA_VERSION", "3.24.14")])
    start = (1_700_000_000_000_000_000, "", "")
    _insert(database, "TARGET_INFO_SESSION_START_TIME", [start])
    _insert(database, "TARGET_INFO_GPU", [(0, "synthetic")])
    _insert(database, "TARGET_INFO_CUDA_DEVICE", [(0, 0, PID)])
    metrics = [(TYPE_ID, 0, "gh100", number, name) for number, name in enumerate(METRICS)]
    _insert(database, "TARGET_INFO_GPU_METRICS", metrics)


def _write_samples(database: sqlite3.Connection, samples: int, random: np.random.Generator) -> None:
    metrics, highest = len(METRICS), list(METRICS.values())
    for first, count in _blocks(samples):
        moment = np.arange(first, first + count, dtype=np.int64) * PERIOD_NS
        time = moment + random.integers(0, 2000, count) + FIRST_NS
        value = random.integers(0, np.asarray(highest) + 1, (count, metrics))
        rows = zip(
            np.repeat(time, metrics).tolist(),
            repeat(TYPE_ID),
            np.tile(np.arange(metrics), count).tolist(),
            value.ravel().tolist(),
            strict=False,
        )
        _insert(database, "GPU_METRICS", rows)


def _write_kernels(
    database: sqlite3.Connection, kernels: int, span_ns: int, random: np.random.Generator
) -> None:
    busy = random.lognormal(0, 0.9, kernels)
    busy *= 0.80 * span_ns / busy.sum()
    gap = random.exponential(1, kernels)
    gap *= 0.19 * span_ns / gap.sum()
    start = (np.cumsum(busy + gap) - busy).astype(np.int64) + FIRST_NS
    end = start + np.maximum(busy.astype(np.int64), 1)
    for first, count in _blocks(kernels):
        at = slice(first, first + count)
        number = np.arange(first, first + count)
        name = (number % NAMES).tolist()  # so the kernels of a range recur fifty ranges later
        rows = (
            (s, e, 0, 1, None, 7, n, PID << 24, k, k, k, 1, 0, 64, 12 * k + 1, 1, 1, 128, 1, 1,
             0, 49152, 0, 0, n, 65536, None, 0)
            for s, e, n, k in zip(
                start[at].tolist(), end[at].tolist(), number.tolist(), name, strict=True
            )
        )  # fmt: skip
        _insert(database, "CUPTI_ACTIVITY_KIND_KERNEL", rows)
    # The host is 40 us ahead of the GPU; the minimum keeps each call before the next one.
    called = np.minimum.accumulate((start - 40_000)[::-1])[::-1]
    for first, count in _blocks(kernels):
        _insert(database, "CUPTI_ACTIVITY_KIND_RUNTIME", (
            (s, s + 1, 0, THREAD, first + n, 1, 0, None)
            for n, s in enumerate(called[first : first + count].tolist())
        ))  # fmt: skip
    _insert(database, "NVTX_EVENTS", _ranges(called))


def _ranges(called: "np.ndarray[Any, np.dtype[np.int64]]") -> Iterator[tuple[Any, ...]]:
    firsts = called[::KERNELS_PER_RANGE].tolist()
    lasts = called[KERNELS_PER_RANGE - 1 :: KERNELS_PER_RANGE].tolist()
    for number, (first, last) in enumerate(zip(firsts, lasts, strict=False)):
        name = f"gelu-b{1 + number % 512}#0.{number // 512}"
        yield first - 5, last + 5, 59, None, None, None, name, THREAD, None, None, 0


def _insert(database: sqlite3.Connection, table: str, rows: Any) -> None:
    placeholders = ", ".join("?" * (_TABLES[table].count(",") + 1))
    database.executemany(f"INSERT INTO {table} VALUES ({placeholders})", rows)


def _blocks(count: int, rows: int = 200_000) -> Iterator[tuple[int, int]]:
    for first in range(0, count, rows):
        yield first, min(rows, count - first)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--kernels", type=int, default=200_000)
    parser.add_argument("--metric-rows", type=int, default=2_000_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    write_trace(given.path, given.kernels, given.metric_rows, given.seed)
