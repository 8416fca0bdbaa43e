"""The options of `moeprof compare`."""

from enum import StrEnum
from typing import Annotated

import typer


class Format(StrEnum):
    """Forms of the table."""

    TABLE = "table"
    MARKDOWN = "markdown"
    GITHUB = "github"


Old = Annotated[
    str,
    typer.Argument(metavar="OLD", help="A run, a model, a benchmark's JSON; or a revision."),
]
New = Annotated[str, typer.Argument(metavar="NEW", help="What is held against it.")]
Mapped = Annotated[
    list[str] | None,
    typer.Option(
        "--map", metavar="OURS=THEIRS", help="Hold an op of NEW against one of OLD; repeatable."
    ),
]
MinEffect = Annotated[
    float, typer.Option("--min-effect", help="Least change that matters, in percent.")
]
Alpha = Annotated[float, typer.Option("--alpha", help="Chance of any false alarm, in percent.")]
Ops = Annotated[
    str | None,
    typer.Option("--ops", help="Measure these of two git revisions, as `profile` does."),
]
BatchSizes = Annotated[str, typer.Option("--batch-sizes", help="With --ops: tokens in a call.")]
Budget = Annotated[str, typer.Option("--budget", help="With --ops: measure for so long at most.")]
Build = Annotated[
    str | None, typer.Option("--build", help="With --ops: builds a commit in its folder.")
]
Cross = Annotated[
    bool, typer.Option("--cross", help="Compare across devices, drivers or limits; adds ranks.")
]
FormatOption = Annotated[
    Format, typer.Option("--format", help="github adds annotations and the step's summary.")
]
