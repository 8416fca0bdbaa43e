"""Each figure of docs/reliability.md is one that a torture wrote."""

import json

from moeprof.tests.torture.table import FIGURES, PAGE, split, table


def test_the_table_is_that_of_the_kept_figures() -> None:
    before, rows, after = split(PAGE.read_text())
    assert rows == table(json.loads(FIGURES.read_text()))
    assert before
    assert after


def test_a_part_that_was_not_tried_says_so() -> None:
    tried = {"part": "readers", "tries": 1200, "faults": {"torn read": 2}}
    figures = {"now": {"parts": [tried]}, "start": {"commit": "abc", "parts": []}}
    (row,) = [line for line in table(figures).splitlines() if "24 readers" in line]
    assert row.endswith("| 1,200 | 2 | not tried |  |")
