"""A comparison in words: a sentence for each change, and what most curves share."""

from collections.abc import Iterator

from ..percent import percent
from .comparison import Change, CommonShift, Compared, Comparison

_WORDS = {
    "latency": ("slower", "faster"),
    "energy": ("more energy", "less energy"),
    "power": ("more power", "less power"),
    "heat": ("more heat", "less heat"),
}
_SHOWN = 8  # sizes, or operations, that a sentence names
_COARSE = 0.005  # a half width from which two decimals show it
_CERTAIN = 0.0005  # below this the interval rounds to the factor itself


def headline(found: Comparison) -> str:
    """Say in one line how many comparisons came out how."""
    counts = {change: sum(row.verdict is change for row in found.ops) for change in Change}
    told = ", ".join(f"{count} {change}" for change, count in counts.items() if count)
    sizes = sum(row.verdict is Change.REGRESSION for row in found.sizes)
    single = f"; regressions at single sizes: {sizes}" if sizes else ""
    limit = f"least effect {percent(found.min_effect, decimals=1)} %"
    return f"{told or 'nothing was compared'}{single}; {limit}"


def sentences(found: Comparison) -> Iterator[str]:
    """Say what changed: what most curves share, then each operation, then single sizes."""
    for field, (old, new) in found.differs.items():
        yield f"{field} differs: {old} on OLD, {new} on NEW"
    for shift in found.shifts:
        if shift.told:
            yield shift_sentence(shift)
    for row in found.ops:
        if row.verdict in (Change.REGRESSION, Change.IMPROVED):
            yield f"{row.op} {factor(row)}{f': {row.by_clocks}' if row.by_clocks else ''}"
    unshown = [row for row in found.ops if row.verdict is Change.UNCHANGED]
    for metric in dict.fromkeys(row.metric for row in unshown):
        ops = list(dict.fromkeys(row.op for row in unshown if row.metric == metric))
        named = ", ".join(ops) if len(ops) <= _SHOWN else f"{len(ops)} others"
        yield f"{named}: no difference shown in {metric}"
    yield from _single_sizes(found)
    yield from _open(found)


def factor(row: Compared) -> str:
    """Write a change as a factor above 1, as hyperfine does: "1.08 ± 0.02 × slower"."""
    more, less = words_of(row.metric)
    value = max(row.change, 1 / row.change)
    direction = more if row.change >= 1 else less
    if row.lo is None or row.hi is None:
        return f"{value:.2f} × {direction}"
    half = (row.hi - row.lo) / 2 * (1 if row.change >= 1 else value**2)
    if half < _CERTAIN:
        return f"{value:.3f} × {direction}"
    decimals = 2 if half >= _COARSE else 3
    return f"{value:.{decimals}f} ± {half:.{decimals}f} × {direction}"


def words_of(metric: str) -> tuple[str, str]:
    """The words for more and for less of a quantity."""
    return _WORDS.get(metric, ("worse", "better"))


def shift_sentence(shift: CommonShift) -> str:
    """Say what most curves share."""
    more, less = words_of(shift.metric)
    value = max(shift.change, 1 / shift.change)
    direction = more if shift.change > 1 else less
    return (
        f"machine or build: {shift.n} curves share a {shift.metric} {value:.2f} × {direction};"
        " two measurements at different times cannot tell which"
    )


def left_out(found: Comparison) -> Iterator[str]:
    """Say what was not compared, each reason once."""
    reasons = found.not_compared
    for reason in dict.fromkeys(reasons.values()):
        what = ", ".join(name for name, why in reasons.items() if why == reason)
        yield f"{what}: not compared: {reason}"


def _single_sizes(found: Comparison) -> Iterator[str]:
    """The sizes that changed in operations that as a whole did not."""
    whole = {(row.metric, row.curve): row.verdict for row in found.ops}
    alone = [
        row
        for row in found.sizes
        if row.verdict in (Change.REGRESSION, Change.IMPROVED)
        and row.verdict is not whole[(row.metric, row.curve)]
    ]
    for metric, op, verdict in dict.fromkeys((one.metric, one.op, one.verdict) for one in alone):
        own = [row for row in alone if (row.metric, row.op, row.verdict) == (metric, op, verdict)]
        told = ", ".join(f"{row.tokens} ({row.change:.2f})" for row in own[:_SHOWN])
        more = "" if len(own) <= _SHOWN else f" and {len(own) - _SHOWN} more"
        clocks = [row.by_clocks for row in own if row.by_clocks]
        why = f": {clocks[0]}" if len(clocks) == len(own) else ""
        yield f"{op}: {verdict} of {metric} at single sizes, new/old: {told}{more}{why}"


def _open(found: Comparison) -> Iterator[str]:
    """Each reason for an open verdict that is not an interval, once; then remarks and ranks."""
    yield from dict.fromkeys(row.reason for row in found.ops if row.lo is None and row.reason)
    open_metrics = {row.metric for row in found.ops if row.verdict is Change.INCONCLUSIVE}
    for shift in found.shifts:
        if shift.metric in open_metrics:
            spread = percent(shift.spread, decimals=1)
            yield (
                f"{shift.metric}: curves that changed alike lie {spread} % apart (sd) from OLD to"
                " NEW, and a change must be clear of that"
            )
    yield from found.remarks
    for rank in found.ranks:
        tau = "not known" if rank.tau is None else f"{rank.tau:.2f}"
        yield f"ranks of operations by {rank.metric}: Kendall's tau {tau} over {rank.n} batch sizes"
        if rank.held is not None:
            lost = f", not {'; '.join(rank.lost[:_SHOWN])}" if rank.lost else ""
            held = percent(rank.held, decimals=0)
            yield f"of {rank.pairs} savings in {rank.metric} on OLD {held} % hold on NEW{lost}"
