"""The date of a record is a stamp or an ISO date."""

import pytest

from moeprof.parsers.results.start_time import start_of_run
from moeprof.store.errors import BadInput
from moeprof.tests.parsers.results.result_files import record


@pytest.mark.parametrize(
    ("date", "time_s"),
    [
        ("20251130-221530", 1764540930.0),
        ("2025-11-30", 1764460800.0),
        ("2025-11-30T22:15:30Z", 1764540930.0),
        ("2025-11-30T22:15:30+01:00", 1764537330.0),
    ],
)
def test_a_date_is_in_utc_unless_it_states_a_zone(date: str, time_s: float) -> None:
    assert start_of_run(record({"date": date})) == ("2025-11-30", time_s)


@pytest.mark.parametrize("date", [None, ""])
def test_a_date_may_be_missing(date: str | None) -> None:
    assert start_of_run(record({"date": date})) == (None, None)


@pytest.mark.parametrize("date", ["2026-13-45", "20251330-221530", "yesterday"])
def test_another_text_is_refused(date: str) -> None:
    with pytest.raises(BadInput, match=f"date is '{date}', which is no date"):
        start_of_run(record({"date": date}))
