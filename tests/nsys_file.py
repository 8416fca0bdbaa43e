"""A synthetic nsys export, made table by table."""

import sqlite3
from pathlib import Path
from typing import Any

from moeprof.tests.builders import EPOCH_NS

PID = 4242
GLOBAL_PID = PID << 24
THREAD = GLOBAL_PID | 7

_COLUMNS = {
    "StringIds": "id INTEGER PRIMARY KEY, value TEXT",
    "META_DATA_EXPORT": "name TEXT, value TEXT",
    "EXPORT_META_DATA": "name TEXT, value TEXT",
    "TARGET_INFO_SESSION_START_TIME": "utcEpochNs INTEGER, utcTime TEXT, localTime TEXT",
    "TARGET_INFO_GPU": "id INTEGER, name TEXT",
    "TARGET_INFO_CUDA_DEVICE": "gpuId INTEGER, cudaId INTEGER, pid INTEGER",
    "DIAGNOSTIC_EVENT": "timestamp INTEGER, severity INTEGER, text TEXT",
    "CUPTI_ACTIVITY_KIND_KERNEL": (
        "start INTEGER, end INTEGER, deviceId INTEGER, contextId INTEGER, streamId INTEGER,"
        " correlationId INTEGER, globalPid INTEGER, demangledName INTEGER, shortName INTEGER,"
        " mangledName INTEGER,"
        " registersPerThread INTEGER, gridX INTEGER, gridY INTEGER, gridZ INTEGER,"
        " blockX INTEGER, blockY INTEGER, blockZ INTEGER, staticSharedMemory INTEGER,"
        " dynamicSharedMemory INTEGER, graphNodeId INTEGER"
    ),
    "CUPTI_ACTIVITY_KIND_RUNTIME": (
        "start INTEGER, end INTEGER, eventClass INTEGER, globalTid INTEGER,"
        " correlationId INTEGER, nameId INTEGER"
    ),
    "NVTX_EVENTS": (
        "start INTEGER, end INTEGER, eventType INTEGER, text TEXT, globalTid INTEGER,"
        " endGlobalTid INTEGER, textId INTEGER, domainId INTEGER"
    ),
    "CUPTI_ACTIVITY_KIND_GRAPH_TRACE": "start INTEGER, end INTEGER",
    "GPU_METRICS": "timestamp INTEGER, typeId INTEGER, metricId INTEGER, value INTEGER",
    "TARGET_INFO_GPU_METRICS": (
        "typeId INTEGER, sourceId INTEGER, typeName TEXT, metricId INTEGER, metricName TEXT"
    ),
    "GENERIC_EVENTS": (
        "genericEventId INTEGER, rawTimestamp INTEGER, timestamp INTEGER, typeId INTEGER, data TEXT"
    ),
    "GENERIC_EVENT_TYPES": "typeId INTEGER, data TEXT",
    "META_DATA_CAPTURE": "name TEXT, value TEXT",
    "TARGET_INFO_SYSTEM_ENV": "globalVid INTEGER, devStateName TEXT, name TEXT, value TEXT",
    "ProcessStreams": "globalPid INTEGER, filenameId INTEGER, contentId INTEGER",
    "PROCESSES": "globalPid INTEGER, pid INTEGER, name TEXT",
    "ThreadNames": "nameId INTEGER, priority INTEGER, globalTid INTEGER",
    "TARGET_INFO_NIC_INFO": "GUID INTEGER, name TEXT",
    "GENERIC_EVENT_DATA": (
        "genericEventId INTEGER, fieldIdx INTEGER, intVal INTEGER, uintVal INTEGER,"
        " floatVal REAL, doubleVal REAL"
    ),
    "GENERIC_EVENT_TYPE_FIELDS": (
        "typeId INTEGER, fieldIdx INTEGER, fieldNameId INTEGER, size INTEGER, type INTEGER"
    ),
}


class NsysFile:
    """Builds an nsys export; a table is created when the first row is added to it."""

    columns = _COLUMNS

    def __init__(self, path: Path, version: str = "3.11.1", epoch_ns: int | None = EPOCH_NS):
        self.path = path
        self._database = sqlite3.connect(path)
        self._strings: dict[str, int] = {}
        self.table("StringIds")
        if version:
            major, minor = (int(part) for part in version.split(".")[:2])
            old = (major, minor) < (3, 4)
            self.add(
                "EXPORT_META_DATA" if old else "META_DATA_EXPORT",
                name="EXPORT_SCHEMA_VERSION",
                value=version,
            )
        if epoch_ns is not None:
            self.add("TARGET_INFO_SESSION_START_TIME", utcEpochNs=epoch_ns)

    def table(self, name: str, columns: str = "") -> None:
        self._database.execute(f'CREATE TABLE IF NOT EXISTS "{name}" ({columns or _COLUMNS[name]})')

    def add(self, table: str, **values: Any) -> None:
        self.table(table)
        names, placeholders = ", ".join(values), ", ".join("?" * len(values))
        self._database.execute(
            f'INSERT INTO "{table}" ({names}) VALUES ({placeholders})', list(values.values())
        )

    def string(self, value: str) -> int:
        if value not in self._strings:
            self._strings[value] = len(self._strings) + 1
            self.add("StringIds", id=self._strings[value], value=value)
        return self._strings[value]

    def launch(
        self, start: Any, end: Any, correlation: int | None = None, thread: int = THREAD,
        **more: Any,
    ) -> None:  # fmt: skip
        """Add a host call into CUDA."""
        values = {"eventClass": 0, "nameId": self.string("cudaLaunchKernel")} | more
        self.add("CUPTI_ACTIVITY_KIND_RUNTIME", start=start, end=end, globalTid=thread,
                 correlationId=correlation, **values)  # fmt: skip

    def kernel(
        self, start: Any, end: Any, correlation: int | None,
        name: str = "void gemm<float>(int)", **more: Any,
    ) -> None:  # fmt: skip
        values = {
            "deviceId": 0, "contextId": 1, "streamId": 7, "globalPid": GLOBAL_PID,
            "registersPerThread": 32, "gridX": 4, "gridY": 1, "gridZ": 1, "blockX": 128,
            "blockY": 1, "blockZ": 1, "staticSharedMemory": 0, "dynamicSharedMemory": 1024,
            "demangledName": self.string(name), "correlationId": correlation,
        } | more  # fmt: skip
        self.add("CUPTI_ACTIVITY_KIND_KERNEL", start=start, end=end, **values)

    def range(self, start: int, end: int | None, name: str | None, **more: Any) -> None:
        values = {"eventType": 59, "globalTid": THREAD, "text": name, "domainId": 0} | more
        self.add("NVTX_EVENTS", start=start, end=end, **values)

    def domain(self, domain: int, name: str, thread: int = THREAD) -> None:
        self.range(0, None, name, eventType=75, domainId=domain, globalTid=thread)

    def call(self, start: int, end: int, name: str, correlation: int) -> None:
        """Add a range with one launch in it and its kernel, which runs after the range's end."""
        self.range(start, end, name)
        self.launch(start + 1, end - 1, correlation)
        self.kernel(end + 100, end + 150, correlation)

    def close(self) -> Path:
        self._database.commit()
        self._database.close()
        return self.path
