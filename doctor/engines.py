"""Checks which engines' kernels can be measured here beside ours."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from ..scenarios.engines.registry import ENGINES, OPERATIONS
from .check_result import CheckResult, Status
from .script_trial import why_not_loaded

_ALREADY_IMPORTED: Final = "torch"  # by moeprof itself
_MEND: Final = "install what it lacks for this Python"


def absent_engines(device: str | None, *, imported: bool) -> dict[str, str]:
    """Why operations of engines cannot be measured on a device, by name; others can be.

    `device` is "cpu" or "cuda:N", None for any that torch sees. With `imported` each package that
    is here is imported, in a process of its own with the environment of a sweep.
    """
    absent = {name: why for name, one in ENGINES.items() if (why := one.absence(device))}
    by_package: defaultdict[str, list[str]] = defaultdict(list)
    for name in (one for one in OPERATIONS if one not in absent):
        by_package[ENGINES[name].package].append(name)
    by_package.pop(_ALREADY_IMPORTED, None)
    for names in by_package.values() if imported else ():
        if _why_not_imported(names) is not None:
            tried = {name: _why_not_imported([name]) for name in names}
            absent |= {name: why for name, why in tried.items() if why is not None}
    return absent


def _why_not_imported(names: Sequence[str]) -> str | None:
    """Why operations of one package do not import together; None where they do."""
    package = ENGINES[names[0]].package
    lines = "\n".join(line for name in names for line in OPERATIONS[name].imports)
    words = why_not_loaded({package: lines.encode()})
    return None if words is None else f"{package} is installed, and does not import: {words}"


def engines() -> Iterator[CheckResult]:
    """Name the version of each installed engine and its operations, then what is not installed."""
    found, absent = absent_engines(None, imported=True), []
    for package in dict.fromkeys(engine.package for engine in ENGINES.values()):
        names = [name for name, engine in ENGINES.items() if engine.package == package]
        engine = ENGINES[names[0]]
        version = engine.version(package)
        lacking = {name: found[name] for name in names if name in found}
        here = [name for name in names if name not in lacking]
        check = f"engine {package}"
        if version is None:
            absent.append(package)
        elif here:
            others = "".join(f"; {name} not: {why}" for name, why in lacking.items())
            yield CheckResult(check, Status.OK, f"{version}: {', '.join(here)}{others}")
        else:
            cost = f"{', '.join(names)} not measured"
            remedy = _MEND if engine.absence() is None else engine.way_out()
            yield CheckResult(check, Status.SKIP, lacking[names[0]], cost, remedy)
    if absent:
        yield CheckResult(
            "other engines",
            Status.SKIP,
            f"not installed: {', '.join(absent)}",
            "their kernels are not measured beside ours",
            "`moeprof profile --ops engines --dry-run` says what each needs",
        )
