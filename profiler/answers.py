"""Answers of a script, checked against what it was asked.

The script runs in one process with the user's operation, which may have changed anything there: its
clocks, its counters, its json module.
"""

import time
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, TypeVar

import msgspec

from ..scenarios.script import MAX_CALLS
from ..store.errors import shortened
from ..store.mixed_workload import MixedWorkload
from ..store.recording import Load, PointTiming
from .process.line_process import ProcessEnded

_LONGEST_REASON: Final = 400  # characters of a script's own reason
_LATEST_NS: Final = 2**63 - 1  # tables hold times in 64 bits
_SLACK_NS: Final = 10_000_000  # by which the clocks of two processes may differ
_SLACK_UTC_NS: Final = 60_000_000_000  # the host's UTC clock may be set meanwhile

T = TypeVar("T", PointTiming, Load, MixedWorkload)


class BadAnswer(ProcessEnded):
    """An answer that is not one to what was asked: nothing that its process says can be used."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: the key of its scenario (None: of none, or of any), its repeat, and when it began.

    `kind` is that of the load, where it is one. `asked_ns` is a time of the monotonic clock,
    `asked_utc_ns` of the host's UTC clock.
    """

    scenario_key: str | None
    repeat: int
    asked_ns: int
    asked_utc_ns: int
    kind: str = "operation"


def asked_now(scenario_key: str | None, repeat: int, kind: str = "operation") -> Asked:
    """Describe a request that is made now."""
    return Asked(scenario_key, repeat, time.monotonic_ns(), time.time_ns(), kind)


def body_of(line: str) -> dict[str, Any]:
    """Parse an answer. Raises BadAnswer where it is no JSON object."""
    try:
        body = msgspec.json.decode(line)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadAnswer(f"its answer is no JSON: {line[:80]!a}") from error
    if not isinstance(body, dict):
        raise BadAnswer(f"its answer is no object: {line[:80]!a}")
    return body


def reason_of(body: dict[str, Any]) -> str | None:
    """The reason where the script could not do what it was asked, else None."""
    if "error" not in body:
        return None
    return shortened(str(body["error"] or "an error without a reason"), _LONGEST_REASON)


def timing_of(body: dict[str, Any], asked: Asked) -> PointTiming:
    """Read the times of a size. Raises BadAnswer where they cannot be those that were asked for."""
    timing = _converted(body, PointTiming)
    _check_asked(timing.scenario_key, timing.visit, asked)
    others_ns = (*timing.device_ns, *timing.reference_ns)
    if not 1 <= timing.calls == len(timing.calls_ns) <= MAX_CALLS or len(others_ns) > MAX_CALLS:
        raise BadAnswer(f"it answered {len(timing.calls_ns)} times for {timing.calls} calls")
    took_ns, all_ns = time.monotonic_ns() - asked.asked_ns, (*timing.calls_ns, *others_ns)
    if min(all_ns) < 1 or sum(all_ns) > took_ns + _SLACK_NS:
        raise BadAnswer(
            f"its clock is wrong: it answered after {took_ns / 1e9:.3g} s, with calls of"
            f" {float(sum(all_ns)) / 1e9:.3g} s"
        )
    _check_utc(timing, asked)
    return timing


def begin_of(body: dict[str, Any]) -> int:
    """Read when a load began, ns of the monotonic clock. Raises BadAnswer where it does not say."""
    begin_ns = body.get("begin_ns")
    if type(begin_ns) is not int or not 0 <= begin_ns <= _LATEST_NS:
        raise BadAnswer(f"it answered that a load began at {ascii(begin_ns)[:40]} ns")
    return begin_ns


def load_of(body: dict[str, Any], asked: Asked, begin_ns: int) -> Load:
    """Read a load that began at `begin_ns`. Raises BadAnswer where it is not the one asked for."""
    load = _converted(body, Load)
    _check_asked(load.scenario_key, load.visit, asked)
    if load.kind != asked.kind or (load.scenario_key is None) != (asked.kind != "operation"):
        raise BadAnswer(f"it was asked for a load {asked.kind!r} and answered {load.kind!r}")
    if load.marks_ns[0] != begin_ns or load.launches[0] != 0:
        raise BadAnswer("its load begins elsewhere than it answered before")
    if max(load.marks_ns[-1], load.launches[-1]) > _LATEST_NS:  # the log of the power says the rest
        raise BadAnswer("its clock is wrong: its load ends after the year 2200")
    return load


def workload_of(body: dict[str, Any]) -> MixedWorkload:
    """Read the segments of a mixed workload. Raises BadAnswer where they are none."""
    workload = _converted(body, MixedWorkload)
    if workload.stretches[-1].end_ns > _LATEST_NS:
        raise BadAnswer("its clock is wrong: a segment ends after the year 2200")
    return workload


def _converted(body: dict[str, Any], kind: type[T]) -> T:
    try:
        answer: T = msgspec.convert(body, type=kind)
    except (ValueError, OverflowError) as error:  # msgspec.ValidationError is a ValueError
        raise BadAnswer(f"its answer is none to what it was asked: {error}") from error
    return answer


def _check_asked(key: str | None, repeat: int, asked: Asked) -> None:
    if key != (asked.scenario_key or key) or repeat != asked.repeat:
        raise BadAnswer(
            f"it was asked for {asked.scenario_key} in repeat {asked.repeat} and answered"
            f" {ascii(key)[:80]} in repeat {repeat}"
        )


def _check_utc(timing: PointTiming, asked: Asked) -> None:
    times_ns = (
        asked.asked_utc_ns - _SLACK_UTC_NS,
        timing.started_utc_ns,
        timing.ended_utc_ns,
        time.time_ns() + _SLACK_UTC_NS,
    )
    if any(later < earlier for earlier, later in pairwise(times_ns)):
        raise BadAnswer("its clock is wrong: it answered times of another day, or in disorder")
