"""Which engines' operations cannot be measured on a run's device, although they are installed."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from ...doctor.script_trial import why_not_loaded
from ...scenarios.catalogue import takes_engines
from ...scenarios.engines.registry import ENGINES, OPERATIONS

_ALREADY_IMPORTED: Final = "torch"  # by moeprof itself


def absent_engines(words: str, device: str) -> dict[str, str]:
    """Why operations of engines cannot be measured on `device` ("cpu" or "cuda:N"), by name.

    Where `words` of --ops name the set of all engines, the packages that are here are imported in a
    process of their own, as a sweep would. One that is named by itself is tried with its script.
    """
    absent = {name: why for name, one in ENGINES.items() if (why := one.absence(device))}
    if takes_engines(words):
        by_package: defaultdict[str, list[str]] = defaultdict(list)
        for name in (one for one in OPERATIONS if one not in absent):
            if (package := ENGINES[name].package) != _ALREADY_IMPORTED:
                by_package[package].append(name)
        for names in by_package.values():
            if _why_not_imported(names) is not None:
                tried = {name: _why_not_imported([name]) for name in names}
                absent |= {name: why for name, why in tried.items() if why is not None}
    return absent


def _why_not_imported(names: Iterable[str]) -> str | None:
    """Why operations of one package do not import together; None where they do."""
    lines = "\n".join(line for name in names for line in OPERATIONS[name].imports)
    package = next(ENGINES[name].package for name in names)
    words = why_not_loaded({package: lines.encode()})
    return None if words is None else f"{package} is installed, and does not import: {words}"
