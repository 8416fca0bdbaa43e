"""`moeprof compare`: whether NEW costs more than OLD."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from ...store.errors import BadInput
from .. import render
from ..options import Json, duration_s
from .options import (
    Alpha,
    BatchSizes,
    Budget,
    Build,
    Cross,
    Format,
    FormatOption,
    Mapped,
    MinEffect,
    New,
    Old,
    Ops,
)

if TYPE_CHECKING:
    from ...pipeline.compare.compare import Rules
    from ...store.verdicts.comparison import Comparison


def compare(
    old: Old,
    new: New,
    mapped: Mapped = None,
    min_effect: MinEffect = 1.0,
    alpha: Alpha = 5.0,
    ops: Ops = None,
    batch_sizes: BatchSizes = "1,8,64,256",
    budget: Budget = "10m",
    build: Build = None,
    cross: Cross = False,
    format_: FormatOption = Format.TABLE,
    json: Json = False,
) -> None:
    """Say whether NEW costs more than OLD.

    Exit 0: unchanged or improved. 1: regression. 125: inconclusive.
    """
    from ...pipeline.compare.compare import Rules, compare_costs
    from ...store.document import to_json
    from .markdown import markdown, show_on_github
    from .output import show_comparison

    rules = Rules(_share("--min-effect", min_effect), _share("--alpha", alpha))
    mapping = _mapping(mapped or ())
    with render.Talk() as talk:
        if ops is not None:
            if mapping or cross:
                raise BadInput("--map and --cross are for what was measured before, not for --ops")
            found = _revisions(old, new, rules, (ops, batch_sizes, budget, build), talk)
        else:
            found = compare_costs(
                old, new, rules=rules, mapping=mapping, cross=cross, progress=talk
            ).comparison
    if json:
        render.text(to_json(found))
    elif format_ is Format.MARKDOWN:
        render.text(markdown(found))
    elif format_ is Format.GITHUB:
        show_on_github(found)
    else:
        show_comparison(found)
    raise typer.Exit(found.verdict.exit_code)


def _revisions(
    old: str,
    new: str,
    rules: "Rules",
    words: tuple[str, str, str, str | None],
    talk: render.Talk,
) -> "Comparison":
    """Measure two revisions; `words` are those of --ops, --batch-sizes, --budget and --build."""
    from ...pipeline.compare.revisions import RevisionOptions, compare_revisions

    ops, batch_sizes, budget, build = words
    options = RevisionOptions(ops, batch_sizes, build, duration_s(budget))
    return compare_revisions(old, new, options, rules=rules, progress=talk).comparison


def _share(option: str, percent: float) -> float:
    if not 0 < percent < 50:
        raise BadInput(f"{option} {percent:g} is no such percentage", hint="write 1 for 1 %")
    return percent / 100


def _mapping(words: Sequence[str]) -> dict[str, str]:
    """Read "ours=theirs", each operation of NEW with that of OLD."""
    mapping: dict[str, str] = {}
    for word in words:
        ours, equals, theirs = word.partition("=")
        if not (ours and equals and theirs) or ours in mapping:
            raise BadInput(
                f"--map {word} does not pair two operations",
                hint="write --map my_fc1=fc1, and each operation of NEW once",
            )
        mapping[ours] = theirs
    return mapping
