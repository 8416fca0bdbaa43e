"""The NVTX ranges of an nsys export, by thread and by their full names."""

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..events import OPEN_END, Spans, int64_column
from .export import NsysExport
from .kernels import texts_of

_DOMAIN_CREATED: Final = 75
_RANGE_TYPES: Final = (59, 60, 70, 71)  # push/pop, start/end, and both of NVTX text files
_PROCESS_BITS: Final = 0x0000FFFFFF000000  # of a globalTid

_INTEGERS: Final = (
    "start", "end", "eventType", "globalTid", "endGlobalTid", "textId", "domainId"
)  # fmt: skip


def read_ranges(export: NsysExport, strings: dict[int, str]) -> tuple[Spans, "pa.StringArray"]:
    """Ranges that begin and end on one thread, in session time, and "domain:name" of each.

    A text lies in the row or in `strings`, whichever the exporter chose row by row. A range of the
    default domain bears its name alone. A range that was never closed ends at OPEN_END.
    """
    types: dict[str, pa.DataType] = dict.fromkeys(_INTEGERS, pa.int64())
    events = export.bulk("NVTX_EVENTS", types | {"text": pa.string()})
    kind = int64_column(events, "eventType")
    thread = int64_column(events, "globalTid")
    end_thread = int64_column(events, "endGlobalTid")
    one_thread = (end_thread == -1) | (end_thread == thread)
    names = _names(events, strings, kind == _DOMAIN_CREATED)
    start = int64_column(events, "start")
    rows = np.flatnonzero(np.isin(kind, _RANGE_TYPES) & one_thread & (thread != -1))
    rows = rows[np.argsort(start[rows], kind="stable")]
    end = int64_column(events, "end", missing=OPEN_END)
    return Spans(start[rows], end[rows], thread[rows]), names.take(pa.array(rows))


def _names(events: pa.Table, strings: dict[int, str], creates_domain: Any) -> Any:
    """Text of each event, behind the name of its domain in its process where that has one."""
    given = events.column("text").combine_chunks()
    text_id = events.column("textId")
    stored = texts_of(text_id, strings).cast(pa.string())
    texts: Any = pc.fill_null(pc.if_else(text_id.combine_chunks().is_null(), given, stored), "")
    domain = int64_column(events, "domainId")
    process = int64_column(events, "globalTid") & _PROCESS_BITS
    prefixes, which = [""], np.zeros(len(texts), dtype=np.int64)
    for row in np.flatnonzero(creates_domain).tolist():
        if name := texts[row].as_py():
            which[(domain == domain[row]) & (process == process[row])] = len(prefixes)
            prefixes.append(f"{name}:")
    prefix = pa.array(prefixes, pa.string()).take(pa.array(which, pa.int64()))
    return pc.binary_join_element_wise(prefix, texts, "")
