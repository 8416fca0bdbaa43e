"""Whether the device is quiet, by the same look as before a sweep."""

from ..device.findings import IN_DOUBT, described, findings
from ..profiler.watch import look_around, watch_of
from ..store.provenance import Gpu
from .check_result import CheckResult, Status

_CHECK = "quiet"


def quiet(gpu: Gpu | None) -> CheckResult:
    """Look for a moment at what goes on beside us on a GPU, None for the processors."""
    with watch_of(gpu) as watch:
        seen = look_around(watch)
    words = "" if seen is None else described(seen)
    if not words:
        return CheckResult(_CHECK, Status.SKIP, "the system does not show what else runs on it")
    found = findings(seen)
    if not found:
        return CheckResult(_CHECK, Status.OK, words)
    may_pass = any(one.code is not None for one in found)
    return CheckResult(
        _CHECK,
        Status.WARNING,
        words,
        cost=IN_DOUBT if may_pass else "times vary with the clock",
        remedy="; ".join(one.remedy for one in found),
    )
