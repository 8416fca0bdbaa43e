"""The rows of a public table that its GPU can have taken: none too fast, none in a wrong unit."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from ...device.peaks import data_sheet
from ...store.cost_model import Peaks
from ...store.errors import BadInput
from ..gate import check_row, floors_us
from .source_rows import Imported, ImportedTable

_MAX_REFUSED: Final = 0.05
_LAUNCH_US: Final = 10.0  # what a call may take beside its work
_MAX_SLOWER: Final = 100.0  # no curve is as slow as this at its best: units differ by 1000


def possible_rows(table: ImportedTable) -> tuple[list[Imported], list[str]]:
    """The rows that the roofline allows, and remarks on the others.

    Left out are rows faster than the GPU can be, and curves whose best row takes 100 times its
    roofline and a launch: us taken for ms. Raises BadInput where more than 5 % of the rows are too
    fast, and where every curve is too slow.
    """
    peaks = data_sheet(table.gpu)
    if peaks is None:
        no_sheet = f"no data sheet of {table.gpu} is known: no row was held against a roofline"
        return list(table.rows), [no_sheet]
    in_unit, slow = _not_too_slow(table, peaks)
    kept: list[Imported] = []
    refused: list[tuple[float, str]] = []
    for row in in_unit:
        scenario = row.scenario
        work = scenario.flops, scenario.bytes_moved
        refusal = check_row(row.latency_us, *work, peaks, dtype=scenario.dtype)
        if refusal is None:
            kept.append(row)
        else:
            sentence = f"{row.place}: {refusal.sentence(scenario.key)}{row.assumed}"
            refused.append((refusal.too_fast_by, sentence))
    if len(refused) > _MAX_REFUSED * len(table.rows):
        raise BadInput(
            f"{len(refused)} of {len(table.rows)} rows are faster than {table.gpu} can be: "
            f"{max(refused)[1]}",
            hint="the table is not what it says: look at its unit, its dtype and its GPU",
        )
    fast = [f"{len(refused)} rows left out: {max(refused)[1]}"] if refused else []
    return kept, [*slow, *fast]


def _not_too_slow(table: ImportedTable, peaks: Peaks) -> tuple[list[Imported], list[str]]:
    """Rows of the curves that may be in ms, and a remark on the others."""

    def slower_by(row: Imported) -> float:
        scenario = row.scenario
        work = scenario.flops, scenario.bytes_moved
        return row.latency_us / (max(floors_us(*work, peaks, dtype=scenario.dtype)) + _LAUNCH_US)

    best = {curve: min(rows, key=slower_by) for curve, rows in _curves(table.rows).items()}
    slow = {curve: row for curve, row in best.items() if slower_by(row) > _MAX_SLOWER}
    if not slow:
        return list(table.rows), []
    nearest = min(slow.values(), key=slower_by)
    why = (
        f"{nearest.place}: {nearest.scenario.key} took {nearest.latency_us:.6g} us,"
        f" {slower_by(nearest):.0f} times what {table.gpu} needs, and no row"
    )
    if len(slow) == len(best):
        raise BadInput(
            f"{why} is nearer to it",
            hint="the table is not what it says: its times may be in us in place of ms",
        )
    kept = [row for row in table.rows if row.scenario.curve not in slow]
    return kept, [
        f"{len(slow)} of {len(best)} curves left out, whose times may be in us in place of ms:"
        f" {why} of its curve is nearer to it"
    ]


def _curves(rows: Iterable[Imported]) -> dict[str, list[Imported]]:
    curves: defaultdict[str, list[Imported]] = defaultdict(list)
    for row in rows:
        curves[row.scenario.curve].append(row)
    return dict(curves)
