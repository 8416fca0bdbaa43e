"""A torch.profiler (Kineto) chrome trace as a trace: kernels, launching API calls, ranges."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...stats.arrays import Int64
from ...store.errors import BadInput
from ..events import OPEN_END, Trace, int64_column, is_timed, untimed_warning
from ..launching import far_from_launch, launching_calls, too_early
from ..messages import Refusal, TraceWarning
from .cells import whole_number
from .events import Kind, KinetoEvents
from .host_events import HostEvents, Threads, correlation_ids, is_process
from .kernels import KernelColumns

Bools = npt.NDArray[np.bool_]


def read_kineto(path: Path) -> Trace:
    """Read a chrome trace of torch.profiler, `.json` or `.json.gz`; times in ns since the epoch.

    The text may be in UTF-8, UTF-16 or UTF-32, with or without a byte order mark, after any amount
    of white space. It is read as a stream, and only kernels, the host's calls and ranges are kept.
    Raises BadInput where the file is no intact trace or holds the calls of several processes.
    """
    events = KinetoEvents(path)
    threads = Threads()
    kernels, calls, ranges = KernelColumns(), HostEvents(threads), HostEvents(threads)
    for event in events:
        match event.kind:
            case Kind.KERNEL:
                kernels.add(event)
            case Kind.CALL:
                calls.add_call(event)
            case Kind.RANGE:
                ranges.add(event)
    launches = kernels.table()
    process = _process(calls, path) if launches.num_rows else None
    _note(events, kernels, calls, ranges)
    if process is not None:
        without_process = calls.without_process() + ranges.without_process()
        events.noticed[TraceWarning.OF_NO_PROCESS] += without_process
    joined = _Launches(launches, calls, process, events.base_ns)
    others = [] if len(joined.order) else events.left_out()  # what a trace of the CPU alone holds
    return Trace(
        kernels=joined.kernels(whole_number(process)),
        api=joined.api,
        launched_by=joined.launched_by[joined.order],
        ranges=ranges.spans(events.base_ns, process),
        range_names=ranges.names(),
        file=path.name,
        warnings=[*joined.warnings(path.name), *events.warnings(), *others],
        too_early_of=joined.too_early_of,
    )


class _Launches:
    """Kernels and the calls that launched them; `order` sorts the kernels, untimed ones last."""

    def __init__(
        self, read: pa.Table, calls: HostEvents, process: str | None, base_ns: int
    ) -> None:
        self._read = read
        self.api = calls.spans(base_ns, process)
        ids = correlation_ids(int64_column(read, "correlation_id"))
        self._start_ns = int64_column(read, "start_ns") + base_ns
        has_time = is_timed(read)
        self.launched_by, self._unsure = launching_calls(
            ids,
            calls.correlation_ids(),
            self.api,
            np.where(has_time, self._start_ns, OPEN_END),
        )
        far = far_from_launch(self._start_ns, self.launched_by, self.api)
        self._far: Bools = has_time & far
        self._timed: Bools = has_time & ~far
        early = too_early(self._start_ns, self._timed, self.launched_by, self.api)
        self.launched_by, self.too_early_of, self._early = early
        by_start = np.where(self._timed, self._start_ns, OPEN_END)
        self.order: Int64 = np.lexsort((ids.correlation, by_start))

    def kernels(self, process: int | None) -> pa.Table:
        """Columns of `launches`, in the order of `order`."""
        kernels = self._read
        untimed = ~self._timed
        times = {
            "start_ns": self._start_ns,
            "duration_ns": int64_column(kernels, "duration_ns"),
        }
        for name, values in times.items():
            place = kernels.schema.get_field_index(name)
            kernels = kernels.set_column(place, name, pa.array(values, mask=untimed))
        rows = kernels.num_rows
        kernels = kernels.append_column("process", pa.repeat(pa.scalar(process, pa.int64()), rows))
        kernels = kernels.append_column("gpu", pa.nulls(rows, pa.int32()))
        return kernels.take(self.order)

    def warnings(self, file: str) -> list[str]:
        """Sentences about kernels that start before their launch, and about untimed ones."""
        sentences = [f"{file}: {early}" for early in self._early]
        if self._far.any():
            sentences.append(
                f"{file}: {np.count_nonzero(self._far)} {TraceWarning.FAR_FROM_LAUNCH}"
            )
        if self._unsure:
            sentences.append(f"{file}: {self._unsure} {TraceWarning.SEVERAL_LAUNCHES}")
        untimed = int(np.count_nonzero(~self._timed))
        if untimed:
            sentences.append(untimed_warning(file, untimed, len(self._timed)))
        return sentences


def _process(calls: HostEvents, path: Path) -> str | None:
    """Return the pid of the process that made the calls; None where it is no number.

    Correlation ids are unique within one process. Calls of which the pid is no number are of the
    one whose pid is.
    """
    named = sorted(each for each in calls.processes if each is not None)
    known = list(filter(is_process, named))
    processes = known or named
    if len(processes) > 1:
        listed = ", ".join(each[:20] for each in processes[:4])
        raise BadInput(
            f"{path} {Refusal.SEVERAL_PROCESSES} {len(processes)} processes ({listed}), and a"
            " correlation id is unique within one only",
            hint="give each process's own trace; torch.profiler writes one per process",
        )
    return known[0] if known else None


def _note(
    events: KinetoEvents, kernels: KernelColumns, calls: HostEvents, ranges: HostEvents
) -> None:
    """Add what was left out of the columns to what `events` noticed."""
    events.noticed[TraceWarning.NO_TIME] += ranges.without_time
    events.noticed[TraceWarning.UNPLACED_CALLS] += calls.unplaced
    events.noticed[TraceWarning.UNNAMED_KERNELS] += kernels.nameless
    events.noticed[TraceWarning.UNNAMED_RANGES] += ranges.nameless
    events.noticed[TraceWarning.UNREADABLE_CELL] += kernels.unreadable
    events.noticed[TraceWarning.PROTON] += kernels.by_proton
