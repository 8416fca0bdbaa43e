"""Whether NEW costs more than OLD, of two runs, models, or documents of one benchmark."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...compare.regression.comparison import compare_sides
from ...compare.regression.conditions import differing, require_same
from ...compare.regression.judged import USUAL_RULES, Rules
from ...compare.regression.side import Side
from ...store.errors import BadInput, check_type, path_argument
from ...store.verdicts.comparison import Comparison
from ..measure.progress import SILENT, RunProgress, Warnings
from .sides import read_side

__all__ = ["Comparison", "ComparisonResult", "Rules", "compare_costs"]


@dataclass(frozen=True, slots=True)
class ComparisonResult:
    """A comparison, and what to warn of."""

    comparison: Comparison
    warnings: tuple[str, ...]


def compare_costs(
    old: Path | str,
    new: Path | str,
    *,
    rules: Rules = USUAL_RULES,
    mapping: Mapping[str, str] | None = None,
    cross: bool = False,
    progress: RunProgress = SILENT,
) -> ComparisonResult:
    """Compare NEW with OLD: runs, models, or two documents of one benchmark.

    `rules` hold the least relative change that matters (0.01 for 1 %), and the chance that any of
    all comparisons is called a regression though none is. `mapping` maps operations of NEW
    to those of OLD that they are held against, which are then judged alone. `cross` allows another
    device, driver, power limit or clock policy, and adds how far operations rank alike.

    Raises BadInput where a side cannot be read, where they share nothing, or where conditions
    differ without `cross`.
    """
    mapping = dict(mapping or {})
    warnings = Warnings(progress)
    kind, was = read_side(path_argument("old", old), warnings)
    other, now = read_side(path_argument("new", new), warnings)
    if kind != other:
        raise BadInput(
            "a benchmark is compared with a benchmark, and a run or a model with a run or a model",
            hint="name two of one kind",
        )
    check_type("cross", cross, bool)
    differs = differing(was.conditions, now.conditions)
    if not cross:
        require_same(differs)
    _check_mapping(mapping, was, now)
    comparison = compare_sides(kind, was, now, rules, mapping, with_ranks=cross)
    if not comparison.ops:
        first = next(iter(comparison.not_compared.items()), ("nothing", "was measured"))
        raise BadInput(
            f"OLD and NEW have nothing in common to compare, as {first[0]}: {first[1]}",
            hint="measure the same operations at the same batch sizes, or pair ops by --map",
        )
    return ComparisonResult(comparison, warnings.texts)


def _check_mapping(mapping: Mapping[str, str], old: Side, new: Side) -> None:
    """Raise BadInput for an operation of the mapping that its side does not have."""
    for ours, theirs in mapping.items():
        for op, side in ((ours, new), (theirs, old)):
            if op not in side.ops.values():
                known = ", ".join(sorted(set(side.ops.values())))
                raise BadInput(f"{side.name} has no operation {op!r}", hint=f"it has {known}")
