"""The tables and columns of an nsys export that the readers of this package use.

Only these are exported from a report, and only these are left by `scrub_nsys`.
"""

from typing import Final

from .export import METADATA_TABLES
from .kernels import NAMES

# Columns of events, samples and descriptions, by table.
READ_COLUMNS: Final = {
    "CUPTI_ACTIVITY_KIND_KERNEL": (
        "start", "end", "deviceId", "contextId", "streamId", "correlationId", "globalPid",
        *NAMES, "registersPerThread", "gridX", "gridY", "gridZ", "blockX", "blockY",
        "blockZ", "staticSharedMemory", "dynamicSharedMemory", "graphNodeId",
    ),
    "CUPTI_ACTIVITY_KIND_RUNTIME": ("start", "end", "globalTid", "correlationId"),
    "CUPTI_ACTIVITY_KIND_GRAPH_TRACE": ("start",),
    "NVTX_EVENTS": (
        "start", "end", "eventType", "text", "globalTid", "endGlobalTid", "textId", "domainId",
    ),
    "GPU_METRICS": ("rawTimestamp", "timestamp", "typeId", "metricId", "value"),
    "TARGET_INFO_GPU_METRICS": ("typeId", "metricId", "metricName"),
    "GENERIC_EVENTS": ("genericEventId", "rawTimestamp", "timestamp", "typeId", "data"),
    "GENERIC_EVENT_TYPES": ("typeId", "data"),
    "GENERIC_EVENT_DATA": (
        "genericEventId", "fieldIdx", "intVal", "uintVal", "floatVal", "doubleVal",
    ),
    "GENERIC_EVENT_TYPE_FIELDS": ("typeId", "fieldIdx", "fieldNameId", "type"),
    "TARGET_INFO_GPU": ("id",),
    "TARGET_INFO_CUDA_DEVICE": ("gpuId", "cudaId", "pid"),
    "TARGET_INFO_SESSION_START_TIME": ("utcEpochNs",),
}  # fmt: skip

READ_TABLES: Final = (*READ_COLUMNS, *METADATA_TABLES, "StringIds", "DIAGNOSTIC_EVENT")
