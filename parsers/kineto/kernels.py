"""The columns of `launches` from the kernel events of a trace."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import pyarrow as pa

from ...store.tables.schemas import SCHEMAS
from .cells import axes, finite_number, int32, whole_number
from .events import KinetoEvent

# The args of a kernel event that are read: how, and the columns of `launches` that they fill.
_ARGUMENTS: Final[dict[str, tuple[Callable[[object], Any], tuple[str, ...]]]] = {
    "device": (int32, ("device",)),
    "context": (whole_number, ("context",)),
    "stream": (whole_number, ("stream",)),
    "graph node id": (whole_number, ("graph_node_id",)),
    "registers per thread": (int32, ("registers_per_thread",)),
    "shared memory": (whole_number, ("shared_bytes",)),
    "grid": (axes, ("grid_x", "grid_y", "grid_z")),
    "block": (axes, ("block_x", "block_y", "block_z")),
    "est. achieved occupancy %": (finite_number, ("occupancy_estimate_pct",)),
}
_COLUMNS: Final = (
    *("start_ns", "duration_ns", "correlation_id"),
    *(column for _, columns in _ARGUMENTS.values() for column in columns),
)
_PROTON: Final = "call_stack"  # the one arg of a kernel in a trace of Proton
_AT_ONCE: Final = 8192  # rows that are held as Python objects


def kernel_arguments(given: Mapping[str, Any]) -> dict[str, Any]:
    """Values of the args that are read, by their names in the event; None where not readable."""
    return {name: read(given.get(name)) for name, (read, _) in _ARGUMENTS.items()}


def has_time(event: KinetoEvent) -> bool:
    """Whether the event's times are possible; both are 0 where CUPTI lost them."""
    if event.start_ns is None or event.duration_ns is None or event.duration_ns < 0:
        return False
    return bool(event.start_ns or event.duration_ns)


class KernelColumns:
    """Kernel events, added one by one, as the columns of `launches` that a trace gives.

    unreadable: number of values that are not of their column's type and became null.
    nameless: number of kernels without a name.
    by_proton: number of kernels that Triton's Proton recorded.
    """

    def __init__(self) -> None:
        self.unreadable = 0
        self.nameless = 0
        self.by_proton = 0
        self._code_of: dict[str | None, int] = {}
        self._codes: list[int] = []
        self._rows: list[list[Any]] = []
        self._pieces: list[pa.Table] = []

    def add(self, event: KinetoEvent) -> None:
        """Add a kernel. Its times are null where they are impossible."""
        self.nameless += event.name is None
        self.by_proton += _PROTON in event.arguments
        self._codes.append(self._code_of.setdefault(event.name, len(self._code_of)))
        times = (event.start_ns, event.duration_ns) if has_time(event) else (None, None)
        row = [*times, event.correlation_id]
        for name, value in kernel_arguments(event.arguments).items():
            columns = _ARGUMENTS[name][1]
            self.unreadable += value is None and event.arguments.get(name) is not None
            row += value if isinstance(value, list) else [value] * len(columns)
        self._rows.append(row)
        if len(self._rows) == _AT_ONCE:
            self._flush()

    def table(self) -> pa.Table:
        """All kernels in the order in which they were added; times as in the file."""
        self._flush()
        table = pa.concat_tables(self._pieces).combine_chunks()
        codes = table.column("kernel").combine_chunks()
        names = pa.array(list(self._code_of), pa.string())
        return table.set_column(0, "kernel", pa.DictionaryArray.from_arrays(codes, names))

    def _flush(self) -> None:
        schema = SCHEMAS["launches"]
        cells = zip(*self._rows, strict=True) if self._rows else [()] * len(_COLUMNS)
        columns = {
            name: pa.array(values, schema.field(name).type)
            for name, values in zip(_COLUMNS, cells, strict=True)
        }
        codes = pa.array(self._codes, pa.int32())
        self._pieces.append(pa.table({"kernel": codes, **columns}))
        self._rows, self._codes = [], []
