"""`moeprof compare`: whether NEW costs more than OLD."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import typer

from ...store.errors import BadInput
from .. import render
from ..options import Json


class Format(StrEnum):
    """Forms of the table."""

    TABLE = "table"
    MARKDOWN = "markdown"
    GITHUB = "github"


def compare(
    old: Annotated[
        str,
        typer.Argument(metavar="OLD", help="A run, a model, or a benchmark's JSON."),
    ],
    new: Annotated[str, typer.Argument(metavar="NEW", help="What is held against it.")],
    mapped: Annotated[
        list[str] | None,
        typer.Option(
            "--map", metavar="OURS=THEIRS", help="Hold an op of NEW against one of OLD; repeatable."
        ),
    ] = None,
    min_effect: Annotated[
        float, typer.Option("--min-effect", help="Least change that matters, in percent.")
    ] = 1.0,
    alpha: Annotated[
        float, typer.Option("--alpha", help="Chance of any false alarm, in percent.")
    ] = 5.0,
    cross: Annotated[
        bool,
        typer.Option("--cross", help="Compare across devices, drivers or limits; adds ranks."),
    ] = False,
    format_: Annotated[
        Format,
        typer.Option("--format", help="github adds annotations and the step's summary."),
    ] = Format.TABLE,
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
