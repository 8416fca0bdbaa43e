"""The events of a trace that are read: kernels, the host's calls that launch them, ranges.

Kineto names their categories in libkineto/include/ActivityType.h. It writes AMD's HIP calls as
`cuda_runtime` and the kernels of every device as `kernel`; torch up to 1.12 wrote `Kernel` and
`Runtime`. Copies and memsets have categories of their own and are no kernels. Kineto writes each
with its duration (phase "X"); begin and end events ("B", "E") of other tools are not paired.

A kernel that is not written so, or whose category is not known, stays without its time: left out,
it would make the busy time of its call too small.
"""

import re
from collections import Counter
from collections.abc import Iterator
from enum import Enum, auto
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from ..messages import TraceWarning
from .cells import TIME_LIMIT_NS, time_ns, whole_number
from .elements import Element, Elements
from .repair import Fault, fault, repaired

_COMPLETE: Final = "X"
_ENDS: Final = ("E", "e")
_KERNEL_ONLY: Final = ("grid", "block", "correlation")  # args that no other event has together
_BASE_TIME: Final = "baseTimeNanoseconds"
_CATEGORY: Final = re.compile(rb'"cat"\s*:\s*"([^"]*)"')
_UINT32: Final = 2**32
_LISTED_CATEGORIES: Final = 5


class Kind(Enum):
    """What an event records."""

    KERNEL = auto()
    CALL = auto()
    RANGE = auto()


KIND_OF: Final = {
    "kernel": Kind.KERNEL,
    "user_annotation": Kind.RANGE,
    **dict.fromkeys(
        (
            "runtime", "cuda_runtime", "cuda_driver", "hip_runtime", "xpu_runtime", "xpu_driver",
            "mtia_runtime", "privateuse1_runtime", "privateuse1_driver",
        ),
        Kind.CALL,
    ),
}  # fmt: skip

# Other categories of Kineto and of older torch: none of their events is a kernel.
_NO_KERNEL: Final = frozenset((
    "cpu_op", "operator", "python_function", "cpu_instant_event", "gpu_memcpy", "gpu_memset",
    "memcpy", "memset", "gpu_user_annotation", "ac2g", "async_cpu_to_gpu", "fwdbwd",
    "forward_backward", "cuda_sync", "cuda_event", "cuda_profiler_range", "overhead", "trace",
))  # fmt: skip


class KinetoEvent(NamedTuple):
    """One event: its times in ns as they stand in the file, None where they are not readable.

    process, thread: a number as its text, so that 7 and "7" are one. correlation_id: None where it
    has none.
    """

    kind: Kind
    category: str
    name: str | None
    process: str | None
    thread: str | None
    start_ns: int | None
    duration_ns: int | None
    correlation_id: int | None
    arguments: dict[str, Any]


class KinetoEvents:
    """Iterates over the events of a trace that are read, once.

    base_ns: the time to which the file's times are relative; known when the events have ended.
    others: number of events that are not read, by category.
    noticed: how often something was left out or mended, by the warning about it.

    Raises BadInput where the trace is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.base_ns = 0
        self.others: Counter[str] = Counter()
        self.noticed: Counter[TraceWarning] = Counter()
        self._elements = Elements(path)

    def __iter__(self) -> Iterator[KinetoEvent]:
        for element in self._elements:
            event = self._decoded(element.text, _EVENT, element) or _Event()
            kind, category = _kind(event.cat)
            if kind is None and not self._is_like_a_kernel(event, category, element):
                self.others[category] += 1
            elif kind is None:
                self.noticed[TraceWarning.LIKE_A_KERNEL] += 1
                yield self._untimed(event, element)
            elif event.ph == _COMPLETE:
                yield self._read(event, kind, category, element)
            elif kind is Kind.KERNEL and event.ph not in _ENDS:
                self.noticed[TraceWarning.BEGUN_KERNEL] += 1
                yield self._untimed(event, element)
            else:
                self.noticed[TraceWarning.OTHER_PHASE] += 1
        self.noticed[TraceWarning.NO_OBJECTS] += self._elements.not_objects
        self.noticed[TraceWarning.LAST_COMMA] += self._elements.ends_with_comma
        self._read_base(self._elements.outline.get(_BASE_TIME, 0))
        self.noticed[TraceWarning.BASE_TIME_TWICE] += self._elements.twice(_BASE_TIME)

    def left_out(self) -> list[str]:
        """A sentence about the events that are not read."""
        if not self.others:
            return []
        listed = [f"{count} {name}" for name, count in self.others.most_common(_LISTED_CATEGORIES)]
        more = ["..."] if len(self.others) > _LISTED_CATEGORIES else []
        total, names = self.others.total(), ", ".join([*listed, *more])
        return [f"{self.path.name}: {total} other event(s) left out: {names}"]

    def warnings(self) -> list[str]:
        """A sentence for each kind of thing that was left out or mended."""
        return [
            f"{self.path.name}: {count} {what}" for what, count in self.noticed.items() if count
        ]

    def _read(self, event: "_Event", kind: Kind, category: str, element: Element) -> KinetoEvent:
        given = self._decoded(event.args, _ARGUMENTS, element) if event.args else None
        arguments = given if isinstance(given, dict) else {}
        return KinetoEvent(
            kind=kind,
            category=category,
            name=event.name if isinstance(event.name, str) else None,
            process=_identity(event.pid),
            thread=_identity(event.tid),
            start_ns=time_ns(event.ts),
            duration_ns=time_ns(event.dur),
            correlation_id=_correlation_id(arguments.get("correlation")),
            arguments=arguments,
        )

    def _untimed(self, event: "_Event", element: Element) -> KinetoEvent:
        """Read a kernel whose duration is not known."""
        kernel = self._read(event, Kind.KERNEL, "kernel", element)
        return kernel._replace(start_ns=None, duration_ns=None)

    def _is_like_a_kernel(self, event: "_Event", category: str, element: Element) -> bool:
        """Whether an event of a category that is not known has the args of a kernel."""
        if category in _NO_KERNEL or b'"block"' not in element.text or event.ph in _ENDS:
            return False
        arguments = self._decoded(event.args, _ARGUMENTS, element) if event.args else None
        return isinstance(arguments, dict) and all(map(arguments.__contains__, _KERNEL_ONLY))

    def _decoded(
        self, text: "bytes | msgspec.Raw", decoder: "msgspec.json.Decoder[_T]", element: Element
    ) -> "_T | None":
        """Decode JSON, repaired where that is needed; None for an event that nobody needs.

        Raises BadInput where an event that is read, or that may be one, is no JSON.
        """
        try:
            return decoder.decode(text)
        except (msgspec.MsgspecError, RecursionError):
            pass
        try:
            decoded = decoder.decode(repaired(bytes(text)))
        except (msgspec.MsgspecError, RecursionError) as error:
            if _is_unused(element.text):
                self.noticed[TraceWarning.BROKEN] += 1
                return None
            found = fault(element.text) or Fault(0, str(error), cut=False)
            found = found._replace(byte=element.byte + found.byte, cut=False)
            raise self._elements.refuse(found) from None
        self.noticed[TraceWarning.MENDED] += 1
        return decoded

    def _read_base(self, cell: object) -> None:
        base_ns = whole_number(cell)
        if base_ns is None or abs(base_ns) >= TIME_LIMIT_NS:
            self.noticed[TraceWarning.NO_BASE_TIME] += 1
            base_ns = 0
        self.base_ns = base_ns


class _Event(msgspec.Struct, gc=False):
    """The fields of an event that are read; a float as its text."""

    ph: Any = None
    cat: Any = None
    name: Any = None
    pid: Any = None
    tid: Any = None
    ts: Any = None
    dur: Any = None
    args: msgspec.Raw = msgspec.Raw()


_T = TypeVar("_T")
_EVENT: Final = msgspec.json.Decoder(_Event, float_hook=str)
_ARGUMENTS: Final = msgspec.json.Decoder(float_hook=str)  # a text may be beyond any double


def _kind(category: object) -> tuple[Kind | None, str]:
    return _kind_of_text(category) if isinstance(category, str) else (None, "without category")


@lru_cache(maxsize=1024)
def _kind_of_text(category: str) -> tuple[Kind | None, str]:
    """Of a list of categories, parted by commas, the first that is read counts."""
    listed = [each.strip() for each in category.casefold().split(",")]
    chosen = next((each for each in listed if each in KIND_OF), ",".join(listed))
    return KIND_OF.get(chosen), chosen


def _identity(cell: object) -> str | None:
    """A process or thread as text; None for a value that names neither."""
    number = whole_number(cell)
    if number is not None:
        return str(number)
    return cell if isinstance(cell, str) and cell else None


def _is_unused(text: bytes) -> bool:
    """Whether an event that is no JSON names a category, and none that is read."""
    categories = _CATEGORY.findall(text)
    return bool(categories) and all(_kind(each.decode("latin-1"))[0] is None for each in categories)


def _correlation_id(cell: object) -> int | None:
    """A correlation id, which CUPTI keeps as uint32 and some versions of Kineto print as int32."""
    number = whole_number(cell)
    return number + _UINT32 if number is not None and -_UINT32 // 2 <= number < 0 else number
