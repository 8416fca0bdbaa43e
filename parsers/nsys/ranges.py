"""The NVTX ranges of an nsys export: thread, times and "domain:name" of each."""

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..events import NOWHERE, OPEN_END, Spans, int64_column
from .clock import SessionClock
from .export import NsysExport
from .kernels import THREAD_BITS, texts_of

# NVTX_EVENTS.eventType
_DOMAIN_CREATED: Final = 75
_START_END: Final = (60, 71)  # those of NVTX, and of NVTXT
_RANGE_TYPES: Final = (59, 70, *_START_END)  # push/pop too

_PROCESS_BITS: Final = 0x0000FFFFFF000000  # where a globalTid holds the process id

_INTEGERS: Final = (
    "start", "end", "eventType", "globalTid", "endGlobalTid", "textId", "domainId"
)  # fmt: skip


def read_ranges(
    export: NsysExport, strings: dict[int, str], clock: SessionClock
) -> tuple[Spans, "pa.StringArray"]:
    """Push/pop and start/end ranges, in session time, and "domain:name" of each.

    A start/end range stands for its process; it may end on another thread, and then has no thread.

    The exporter puts each text either into its row or into `strings`. A range of the default
    domain has its name alone. A range that was never closed ends at OPEN_END.
    """
    types: dict[str, pa.DataType] = dict.fromkeys(_INTEGERS, pa.int64())
    events = export.bulk("NVTX_EVENTS", types | {"text": pa.string()})
    kind = int64_column(events, "eventType")
    thread = int64_column(events, "globalTid")
    end_thread = int64_column(events, "endGlobalTid")
    one_thread = (end_thread == -1) | (end_thread == thread)
    wide = np.isin(kind, _START_END)
    names = _names(events, strings, kind == _DOMAIN_CREATED)
    start = clock.since_start(int64_column(events, "start"))
    rows = np.flatnonzero(np.isin(kind, _RANGE_TYPES) & (one_thread | wide) & (thread != -1))
    rows = rows[np.argsort(start[rows], kind="stable")]
    is_open = ~np.asarray(events.column("end").is_valid())[rows]
    end = clock.since_start(int64_column(events, "end")[rows])
    end[is_open] = OPEN_END
    process = np.where(wide, thread & ~np.int64(THREAD_BITS), NOWHERE)[rows]
    thread = np.where(one_thread, thread, NOWHERE)[rows]
    return Spans(start[rows], end, thread, process), names.take(pa.array(rows))


def _names(events: pa.Table, strings: dict[int, str], creates_domain: Any) -> Any:
    """Text of each event, prefixed by the name of its domain in its process if it has one."""
    texts = _texts(events, strings)
    domain = int64_column(events, "domainId")
    process = int64_column(events, "globalTid") & _PROCESS_BITS
    prefixes, prefix_index = [""], np.zeros(len(texts), dtype=np.int64)
    for row in np.flatnonzero(creates_domain).tolist():
        if name := texts[row].as_py():
            same_domain = (domain == domain[row]) & (process == process[row])
            prefix_index[same_domain] = len(prefixes)
            prefixes.append(f"{name}:")
    prefix = pa.array(prefixes, pa.string()).take(pa.array(prefix_index, pa.int64()))
    return pc.binary_join_element_wise(prefix, texts, "")


def _texts(events: pa.Table, strings: dict[int, str]) -> Any:
    """Text of each event from its row or from `strings`; "" where it has none."""
    in_row = events.column("text").combine_chunks()
    text_id = events.column("textId")
    in_strings = texts_of(text_id, strings).cast(pa.string())
    return pc.fill_null(pc.if_else(text_id.combine_chunks().is_null(), in_row, in_strings), "")
