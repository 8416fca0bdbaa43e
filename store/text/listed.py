"""Lists in sentences, which name the first few and count the others."""

from collections.abc import Iterable


def listed(names: Iterable[object], most: int = 8, separator: str = ", ") -> str:
    """Write names, by `separator`; of more than `most`, count those that are left out.

    >>> listed([1, 2, 3]), listed(range(9), most=2)
    ('1, 2, 3', '0, 1 and 7 more')
    """
    words = list(map(str, names))
    shown = separator.join(words[:most])
    return shown if len(words) <= most else f"{shown} and {len(words) - most} more"
