"""Checks which engines' kernels can be measured here beside ours."""

from collections.abc import Iterator

from ..scenarios.engines.registry import ENGINES
from .check_result import CheckResult, Status


def engines() -> Iterator[CheckResult]:
    """Name the version of each engine and its operations, or why they cannot be measured."""
    for package in dict.fromkeys(engine.package for engine in ENGINES.values()):
        names = [name for name, engine in ENGINES.items() if engine.package == package]
        engine = ENGINES[names[0]]
        check, listed = f"engine {package}", ", ".join(names)
        absence = engine.absence()
        if absence is None:
            evidence = f"{engine.version(package)}: {listed}"
            yield CheckResult(check, Status.OK, evidence)
            continue
        yield CheckResult(check, Status.SKIP, absence, f"{listed} not measured", engine.way_out())
