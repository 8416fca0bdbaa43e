"""Options that say what is read of a commit, and how sure an answer is to be."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...store.errors import BadInput

if TYPE_CHECKING:
    from ...pipeline.revisions.reading import Question

_LIMIT_S = 3600.0  # the longest build or reading

Command = Annotated[
    list[str] | None,
    typer.Argument(metavar="-- CMD", help="Command that prints a number for a commit."),
]
Value = Annotated[
    str | None,
    typer.Option("--value", metavar="PATH", help="Where CMD's JSON has it, such as rows.0.us."),
]
Build = Annotated[
    str | None, typer.Option("--build", metavar="SHELL", help="Run once in a commit's folder.")
]
Ops = Annotated[
    str | None, typer.Option("--ops", metavar="FILE", help="File of the repository with an op.")
]
Op = Annotated[str | None, typer.Option("--op", help="Operation of that file to measure.")]
BatchSize = Annotated[
    int | None, typer.Option("--batch-size", min=1, help="Batch size to measure it at.")
]
MetricName = Annotated[
    str, typer.Option("--metric", help="latency, energy, power or heat, of that operation.")
]
Error = Annotated[float, typer.Option("--error", help="Chance of a wrong answer, in percent.")]
MinEffect = Annotated[
    float, typer.Option("--min-effect", help="Least change that matters, in percent.")
]
State = Annotated[
    Path | None,
    typer.Option("--state", help="Folder of readings and builds, by default of your own."),
]


def question_of(
    command: list[str] | None,
    value: str | None,
    build: str | None,
    ops: str | None,
    op: str | None,
    batch_size: int | None,
    metric: str,
) -> "Question":
    """Say what is read, by a command or by moeprof itself. Raises BadInput for both and neither."""
    from ...pipeline.revisions.own_scenario import Metric
    from ...pipeline.revisions.own_scenario import command as own
    from ...pipeline.revisions.reading import Question

    named = (ops, op, batch_size)
    if command:
        if any(one is not None for one in named):
            raise BadInput(
                "a command and --ops, --op or --batch-size were given", hint="give one of them"
            )
        return Question(tuple(command), value, build, _LIMIT_S)
    if ops is None and op is not None:
        raise BadInput(
            f"--op {op} alone is moeprof's own, the same in every commit",
            hint="name a file of the repository that holds it: --ops FILE",
        )
    if ops is None or op is None or batch_size is None:
        raise BadInput(
            "nothing says what to read of a commit",
            hint="add -- CMD..., or --ops FILE --op NAME --batch-size N",
        )
    if metric not in list(Metric):
        raise BadInput(f"--metric is {metric!r}", hint=f"name one of {', '.join(Metric)}")
    return Question(own(ops, op, batch_size, Metric(metric)), None, build, _LIMIT_S)


def share(option: str, percent: float) -> float:
    """A percentage as a share. Raises BadInput outside of 0 to 50."""
    if not 0 < percent < 50:
        raise BadInput(f"{option} is {percent:g}", hint="give percent, above 0 and below 50")
    return percent / 100
