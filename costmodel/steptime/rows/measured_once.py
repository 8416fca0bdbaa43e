"""Rows of a table in one order, each measurement once: a file does not depend on how they came."""

from collections.abc import Mapping
from typing import Any, Final

REPEATED: Final = "rows that repeat another one, number for number"

_NAMES: Final = ("source", "row_id")
# What a measurement is known by. Its name, source and note may differ between two copies.
_MEASUREMENT: Final = (
    "model", "gpu", "n_gpu", "tp", "ep", "dp", "precision", "engine", "engine_version", "task",
    "batch", "batch_kind", "isl", "osl", "ctx", "itl_ms", "tpot_ms", "pf_tok_s", "tput_tok_s",
    "power_w", "power_scope", "time_s", "speculative", "disaggregated", "failed_share",
    "burstiness",
)  # fmt: skip


def measured_once(table: Mapping[str, list[Any]]) -> tuple[dict[str, list[Any]], int]:
    """The rows by source and name, without those that repeat an earlier one, and how many did.

    `table` has a list of equal length for each column, source and row_id among them. Rows repeat
    each other where every column that a fit reads has the same value: public tables hold copies,
    which are no second measurement.
    """
    names = [*_NAMES, *sorted(set(table) - set(_NAMES))]
    places = range(len(table[_NAMES[0]]))
    rows = sorted(zip(*(map(repr, table[name]) for name in names), places, strict=True))
    known = [names.index(name) for name in _MEASUREMENT if name in table]
    first: dict[tuple[object, ...], int] = {}
    for *values, place in rows:
        first.setdefault(tuple(values[at] for at in known), int(place))
    kept = first.values()
    once = {name: [column[at] for at in kept] for name, column in table.items()}
    return once, len(rows) - len(kept)
