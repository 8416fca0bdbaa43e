"""Unix times of the dates that rows state: a year, a month, a day or a time."""

import re
from datetime import UTC, datetime
from math import nan


def unix_time_s(date: str) -> float:
    """The start of what an ISO date names, in UTC; NaN for any other text.

    "2024" is 2024-01-01T00:00Z, "2025-12" is 2025-12-01T00:00Z.
    """
    months = {4: "-01-01", 7: "-01"}.get(len(date), "") if re.match(r"\d{4}(-\d\d)?$", date) else ""
    try:
        found = datetime.fromisoformat(date + months)
    except ValueError:
        return nan
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
