"""Units of ncu's metrics."""

import pytest

from moeprof.parsers.ncu.units import units_factor


@pytest.mark.parametrize(
    ("unit", "base", "factor"),
    [
        ("ns", "ns", 1), ("us", "ns", 1e3), ("\u00b5s", "ns", 1e3), ("\u03bcs", "ns", 1e3),
        ("msecond", "ns", 1e6), ("s", "ns", 1e9), ("cycle", "ns", None), ("", "ns", None),
        ("byte", "byte", 1), ("Kbyte", "byte", 1e3), ("Mbyte", "byte", 1e6), ("MB", "byte", 1e6),
        ("Gbyte", "byte", 1e9), ("MiB", "byte", None), ("byte/s", "byte", None),
        ("(!) n/a", "byte", None), ("hz", "hz", 1), ("Ghz", "hz", 1e9),
        ("cycle/nsecond", "hz", 1e9), ("cycle/us", "hz", 1e6), ("cycle/second", "hz", 1),
        ("inst", "inst", 1), ("Kinst", "inst", 1e3), ("%", "%", 1), ("", "%", None),
        ("register/thread", "register/thread", 1), ("", "", 1), ("waves", "", 1), ("%", "", None),
    ],
)  # fmt: skip
def test_a_unit_is_known_or_there_is_no_factor(unit: str, base: str, factor: float | None) -> None:
    assert units_factor(unit, base) == factor
