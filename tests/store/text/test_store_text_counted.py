"""Counts agree with their nouns."""

import pytest

from moeprof.store.text.counted import counted


@pytest.mark.parametrize(
    ("count", "written"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (1200, "1,200 rows")]
)
def test_one_is_singular(count: int, written: str) -> None:
    assert counted(count, "row") == written
