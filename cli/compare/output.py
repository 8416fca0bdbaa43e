"""What `moeprof compare` prints of a comparison, within 80 columns."""

from typing import TYPE_CHECKING, Final

from ...store.verdicts.comparison_words import headline, left_out, sentences
from .. import render

if TYPE_CHECKING:
    from ...store.verdicts.comparison import Compared, Comparison

_BANDS: Final = ((1, 8), (9, 64), (65, None))


def show_comparison(found: "Comparison") -> None:
    """Show a verdict in one line, a table for each quantity, then what changed in words."""
    render.paragraph(f"{found.verdict}: {found.new} against {found.old}: {headline(found)}")
    for metric in dict.fromkeys(row.metric for row in found.ops):
        _show_metric(found, metric)
    for sentence in (*sentences(found), *left_out(found)):
        render.paragraph(sentence)


def _show_metric(found: "Comparison", metric: str) -> None:
    rows = [row for row in found.ops if row.metric == metric]
    bands = [name for name, _ in _band_columns(found, rows[0])]
    shared = next((shift for shift in found.shifts if shift.metric == metric and shift.told), None)
    beside = "" if shared is None else f", without the {shared.change:.3f} that most share"
    render.table(
        f"{metric}: NEW / OLD{beside}",
        ["op", "#n", "#ratio", "#95 %", *(f"#{band}" for band in bands), "verdict"],
        [
            [
                row.op,
                str(row.n),
                f"{row.change:.3f}",
                interval(row),
                *(text for _, text in _band_columns(found, row)),
                row.verdict,
            ]
            for row in rows
        ],
    )


def interval(row: "Compared") -> str:
    """Write the 95 % interval of a change."""
    return "-" if row.lo is None or row.hi is None else f"{row.lo:.3f}-{row.hi:.3f}"


def _band_columns(found: "Comparison", row: "Compared") -> list[tuple[str, str]]:
    """The median change of a curve in each band of batch size; none where it has a single place."""
    sizes = [s for s in found.sizes if (s.metric, s.curve) == (row.metric, row.curve)]
    if not sizes:
        return []
    columns = []
    for first, last in _BANDS:
        name = f"{first}+" if last is None else f"{first}-{last}"
        inside = sorted(
            s.change for s in sizes if s.tokens and first <= s.tokens <= (last or s.tokens)
        )
        columns.append((name, f"{inside[len(inside) // 2]:.2f}" if inside else "-"))
    return columns
