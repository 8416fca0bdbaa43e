"""Dates become Unix times, as coarse as they are."""

from datetime import UTC, datetime
from math import isnan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.costmodel.steptime.rows.dates import unix_time_s


@pytest.mark.parametrize(
    ("date", "starts"),
    [
        ("2024", datetime(2024, 1, 1, tzinfo=UTC)),
        ("2025-12", datetime(2025, 12, 1, tzinfo=UTC)),
        ("2025-12-13", datetime(2025, 12, 13, tzinfo=UTC)),
        ("2025-12-13T10:11:12Z", datetime(2025, 12, 13, 10, 11, 12, tzinfo=UTC)),
        ("2025-12-13T10:11:12+02:00", datetime(2025, 12, 13, 8, 11, 12, tzinfo=UTC)),
    ],
)
def test_a_date_is_the_start_of_what_it_names(date: str, starts: datetime) -> None:
    assert unix_time_s(date) == starts.timestamp()


@pytest.mark.parametrize("date", ["", "run20218553330", "yesterday", "2024-13", "0.12"])
def test_other_texts_are_no_times(date: str) -> None:
    assert isnan(unix_time_s(date))


@given(st.text(max_size=12))
def test_no_text_raises(date: str) -> None:
    assert isinstance(unix_time_s(date), float)
