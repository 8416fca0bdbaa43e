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
        version, absence = engine.version(package), engine.absence()
        check, listed = f"engine {package}", ", ".join(names)
        if version is None:
            absent.append(package)
        elif absence is None:
            yield CheckResult(check, Status.OK, f"{version}: {listed}")
        else:
            yield CheckResult(
                check, Status.SKIP, absence, f"{listed} not measured", engine.way_out()
            )
    if absent:
        yield CheckResult(
            "other engines",
            Status.SKIP,
            f"not installed: {', '.join(absent)}",
            "their kernels are not measured beside ours",
            "`moeprof profile --ops engines --dry-run` says what each needs",
        )
