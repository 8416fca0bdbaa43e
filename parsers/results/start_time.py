"""When a run took place, by the date of its record."""

from datetime import UTC, datetime

from .record import Record


def start_of_run(record: Record) -> tuple[str | None, float | None]:
    """ISO date and Unix time of `date`, in UTC where it states no zone; None where it is missing.

    It is an ISO date or time, or a stamp such as "20251130-221530". vLLM writes the time of its
    machine without a zone, so that it may be off by up to 14 hours. Raises BadInput for others.
    """
    text = record.text("date")
    if text is None:
        return None, None
    found = _stamp(text) or _iso(text)
    if found is None:
        raise record.refusal(
            f"date is {text!r:.60}, which is no date",
            hint="correct it as 2025-11-30 or 20251130-221530, or leave it out",
        )
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return found.date().isoformat(), found.timestamp()


def _stamp(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
