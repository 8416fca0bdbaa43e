"""What became null is said once per kind, with counts."""

from moeprof.parsers.messages import TraceWarning
from moeprof.parsers.ncu.nulls import Nulls, listed


def test_nothing_null_gives_no_warning() -> None:
    assert list(Nulls().warnings()) == []


def test_cells_and_units_are_counted_by_metric() -> None:
    nulls = Nulls()
    for text in ("n/a", "n/a", "inf"):
        nulls.cell("a.sum", text)
    nulls.cell("b.pct", "")
    nulls.unit("c.sum", "cycle", "ns")
    assert list(nulls.warnings()) == [
        f"4 {TraceWarning.CELLS_WITHOUT_NUMBER}: a.sum 3 ('n/a', 'inf'), b.pct 1 ('')",
        f"1 value(s) of c.sum {TraceWarning.UNKNOWN_UNIT} 'cycle', not 'ns'",
    ]


def test_three_things_are_named_and_more_are_hinted_at() -> None:
    assert listed("abc") == "a, b, c"
    assert listed("abcd") == "a, b, c, ..."
