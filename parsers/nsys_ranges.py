"""The NVTX ranges of an nsys export, by thread and by their full names."""

from typing import Final

import numpy as np
import pyarrow as pa

from .events import OPEN_END, Spans, int64_column
from .nsys_export import NsysExport

_DOMAIN_CREATED: Final = 75
_RANGE_TYPES: Final = (59, 60, 70, 71)  # push/pop, start/end, and both of NVTX text files
_PROCESS_BITS: Final = 0x0000FFFFFF000000  # of a globalTid

_INTEGERS: Final = (
    "start", "end", "eventType", "globalTid", "endGlobalTid", "textId", "domainId"
)  # fmt: skip


def read_ranges(export: NsysExport, strings: dict[int, str]) -> tuple[Spans, list[str]]:
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
    chosen = np.isin(kind, _RANGE_TYPES) & one_thread & (thread != -1)
    texts = [
        (text or "") if text_id is None else strings.get(text_id, "")
        for text, text_id in zip(
            events.column("text").to_pylist(), events.column("textId").to_pylist(), strict=True
        )
    ]
    domain = int64_column(events, "domainId").tolist()
    process = (thread & _PROCESS_BITS).tolist()
    prefixes = {
        (domain[row], process[row]): f"{texts[row]}:"
        for row in np.flatnonzero(kind == _DOMAIN_CREATED)
        if texts[row]
    }
    start = int64_column(events, "start")
    rows = np.flatnonzero(chosen)
    rows = rows[np.argsort(start[rows], kind="stable")]
    end = int64_column(events, "end", missing=OPEN_END)
    names = [prefixes.get((domain[row], process[row]), "") + texts[row] for row in rows.tolist()]
    return Spans(start[rows], end[rows], thread[rows]), names
