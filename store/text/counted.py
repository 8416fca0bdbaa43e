"""A count with its noun, as sentences write it."""


def counted(count: int, noun: str) -> str:
    """Write a count with thousands apart, and its noun, with an s but for 1.

    >>> counted(1, "row"), counted(1200, "row")
    ('1 row', '1,200 rows')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
