"""What became null in `counters`, counted for a warning."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from ..messages import TraceWarning

_MAX_NAMED: Final = 3  # things of a kind that a warning names


@dataclass(slots=True)
class Nulls:
    """What became null: texts by metric, and number of values by metric, its unit and its base."""

    texts: dict[str, list[str]] = field(default_factory=dict)
    units: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def cell(self, metric: str, text: str) -> None:
        """Note a cell that holds no valid number."""
        self.texts.setdefault(metric, []).append(text)

    def unit(self, metric: str, unit: str, base: str) -> None:
        """Note a value whose unit is not known."""
        self.units[metric, unit, base] += 1

    def warnings(self) -> Iterator[str]:
        """Yield a sentence for all cells, and one for each unit."""
        if self.texts:
            count = sum(map(len, self.texts.values()))
            metrics = (
                f"{metric} {len(texts)} ({listed(map(repr, dict.fromkeys(texts)))})"
                for metric, texts in self.texts.items()
            )
            yield f"{count} {TraceWarning.CELLS_WITHOUT_NUMBER}: {', '.join(metrics)}"
        for (metric, unit, base), count in self.units.items():
            yield f"{count} value(s) of {metric} {TraceWarning.UNKNOWN_UNIT} {unit!r}, not {base!r}"


def listed(things: Iterable[str]) -> str:
    """The first of many things, and a sign where there are more."""
    first = list(islice(things, _MAX_NAMED + 1))
    return ", ".join(first if len(first) <= _MAX_NAMED else [*first[:_MAX_NAMED], "..."])
