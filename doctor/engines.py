"""Checks which engines' kernels can be measured here beside ours."""

from collections.abc import Iterator

from ..scenarios.engines.registry import ENGINES
from .check_result import CheckResult, Status


def engines() -> Iterator[CheckResult]:
    """Name the version of each installed engine and its operations, then what is not installed."""
    absent = []
    for package in dict.fromkeys(engine.package for engine in ENGINES.values()):
        names = [name for name, engine in ENGINES.items() if engine.package == package]
        engine = ENGINES[names[0]]
        version = engine.version(package)
        lacking = {name: why for name in names if (why := ENGINES[name].absence()) is not None}
        here = [name for name in names if name not in lacking]
        check = f"engine {package}"
        if version is None:
            absent.append(package)
        elif here:
            others = "".join(f"; {name} not: {why}" for name, why in lacking.items())
            yield CheckResult(check, Status.OK, f"{version}: {', '.join(here)}{others}")
        else:
            cost = f"{', '.join(names)} not measured"
            yield CheckResult(check, Status.SKIP, lacking[names[0]], cost, engine.way_out())
    if absent:
        yield CheckResult(
            "other engines",
            Status.SKIP,
            f"not installed: {', '.join(absent)}",
            "their kernels are not measured beside ours",
            "`moeprof profile --ops engines --dry-run` says what each needs",
        )
