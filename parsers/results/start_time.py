"""When a run took place, by the stamp of its file."""

from datetime import UTC, datetime


def unix_of_stamp(stamp: str | None) -> tuple[str | None, float | None]:
    """ISO date and Unix time of a stamp such as "20251130-221530", taken as UTC; None for others.

    vLLM writes the time of its machine without a zone, so that it may be off by up to 14 hours.
    """
    try:
        found = datetime.strptime(stamp or "", "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None, None
    return found.date().isoformat(), found.timestamp()
