"""Units of ncu's metrics: `--print-units base` gives the base unit, else ncu scales each column."""

from typing import Final

_SECONDS: Final = {
    "ns": 1, "nsecond": 1, "us": 10**3, "usecond": 10**3, "ms": 10**6, "msecond": 10**6,
    "s": 10**9, "second": 10**9, "\u00b5s": 10**3, "\u03bcs": 10**3,
}  # fmt: skip
_PREFIXES: Final = {
    "k": 10**3,
    "m": 10**6,
    "g": 10**9,
    "t": 10**12,
}  # 1 Mbyte is 10**6 byte
_OTHER_NAMES: Final = {"byte": ("b",), "": ("wave", "waves")}


def units_factor(unit: str, base: str) -> int | None:
    """Number of base units in a page's unit; None where that is not known.

    `base` is "ns", "%", "byte", "hz", "inst", "register/thread" or "" (no dimension).
    """
    if base == "ns":
        return _SECONDS.get(unit)
    if base == "hz" and unit.startswith("cycle/"):  # up to ncu 2022: cycle/nsecond
        ns = _SECONDS.get(unit.removeprefix("cycle/"))
        return None if ns is None else 10**9 // ns
    names = (base, *_OTHER_NAMES.get(base, ()))
    if unit.lower() in names:
        return 1
    if base in ("byte", "hz", "inst") and unit[1:].lower() in names:
        return _PREFIXES.get(unit[0].lower())
    return None
