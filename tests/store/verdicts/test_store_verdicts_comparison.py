"""A comparison is a document, and its verdict an exit code."""

from pathlib import Path

from moeprof.store.document import read_document, write_document
from moeprof.store.verdicts.comparison import Change, Compared, Comparison


def test_a_pass_is_0_a_regression_1_and_what_is_open_is_skipped() -> None:
    codes = {change: change.exit_code for change in Change}
    assert codes == {
        Change.UNCHANGED: 0,
        Change.IMPROVED: 0,
        Change.REGRESSION: 1,
        Change.INCONCLUSIVE: 125,
    }


def test_a_comparison_is_written_and_read(tmp_path: Path) -> None:
    row = Compared(
        "latency", "fc1", "fc1-fp32", None, "us", 9, None, None, 1.1, 1.0, 1.2, 0.01, 1.0,
        Change.REGRESSION,
    )  # fmt: skip
    found = Comparison(
        "runs", "a", "b", Change.REGRESSION, 0.01, 0.05, (row,), (), (), {"driver": ("1", "2")}, {}
    )
    write_document(tmp_path / "comparison.json", found)
    assert read_document(tmp_path / "comparison.json", Comparison) == found
