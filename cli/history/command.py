"""`moeprof history`: how each operation went from run to run of a device."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ...store.errors import BadInput
from .. import render
from ..options import DEFAULT_STORE, Json, RunArgument, Store, find_run
from ..show import drawn

if TYPE_CHECKING:
    from ...pipeline.history import Course, DeviceHistory

_DEFAULT: Final = Path("artifacts/history")
_LEAST_FACTOR: Final = 1.1  # below 10 % from top to bottom a line is nearly flat
_SHOWN: Final = 24  # the last runs, one block each

History = Annotated[Path, typer.Option("--history", help="Folder of the history.")]

history = typer.Typer(help="List runs over time, or add one.", rich_markup_mode=None)


@history.callback(invoke_without_command=True)
def show_history(
    context: typer.Context,
    op: Annotated[str | None, typer.Option("--op", help="One operation alone.")] = None,
    metric: Annotated[str, typer.Option("--metric", help="latency, energy or power.")] = "latency",
    folder: History = _DEFAULT,
    json: Json = False,
) -> None:
    """Show how each operation went from run to run, or add a run."""
    if context.invoked_subcommand is not None:
        if folder != _DEFAULT:
            raise BadInput(
                "--history stands before the command `add`, which has its own",
                hint=f"moeprof history add --history {folder}",
            )
        return
    from ...pipeline.history import courses

    devices = courses(folder, metric=metric, op=op)
    if json:
        render.data([asdict(device) for device in devices])
        return
    for device in devices:
        _show_device(device, metric)


@history.command("add")
def add(
    run: RunArgument = None,
    store: Store = DEFAULT_STORE,
    folder: History = _DEFAULT,
) -> None:
    """Add what a run measured."""
    from ...pipeline.history import add_to_history

    added = add_to_history(find_run(run, store).folder, folder)
    for warning in added.warnings:
        render.warn(warning)
    render.say(f"added: {added.path}")


def _show_device(device: "DeviceHistory", metric: str) -> None:
    render.table(
        f"Runs on {device.device} ({device.device_id})",
        ["run", "began", "commit", "#points", "#flagged %"],
        [
            [
                run.run,
                run.utc[:16].replace("T", " "),
                (run.git_commit or "-")[:10],
                str(run.points),
                f"{100 * run.flagged:.0f}",
            ]
            for run in device.runs[-_SHOWN:]
        ],
    )
    render.table(
        f"{metric}, relative to the first run of each operation; oldest first",
        ["op", "#runs", "course", "#least", "#most", "#last", "#last/before"],
        [_row(course) for course in device.courses],
    )


def _row(course: "Course") -> list[str]:
    known = course.known
    before = f"{known[-1] / known[-2]:.3f}" if len(known) > 1 else "-"
    levels = f"{min(known):.3f}", f"{max(known):.3f}", f"{known[-1]:.3f}"
    return [course.op, str(len(known)), drawn(known[-_SHOWN:], _LEAST_FACTOR), *levels, before]
