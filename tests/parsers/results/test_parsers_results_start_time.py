"""Stamps of result files are dates."""

import pytest

from moeprof.parsers.results.start_time import unix_of_stamp


def test_a_stamp_is_a_date_in_utc() -> None:
    assert unix_of_stamp("20251130-221530") == ("2025-11-30", 1764540930.0)


@pytest.mark.parametrize("stamp", [None, "", "2025-11-30", "20251330-221530"])
def test_other_texts_are_none(stamp: str | None) -> None:
    assert unix_of_stamp(stamp) == (None, None)
