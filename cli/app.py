"""The entry point: the list of commands, and the exit code of an error.

A command imports its stage of the pipeline inside the function, so that `moeprof --help` loads
neither torch nor pandas.
"""

import errno
import sys
import traceback
from typing import Annotated

import typer

from ..store.errors import BadInput, MoeprofError
from ..store.files import NO_SPACE, around, cannot_use
from . import build_model, doctor, import_, parse, render, report, scenario, scrub, show
from .cost.command import cost
from .profile.command import profile
from .validate.command import validate

_OWN_FAULT = 129  # above 127 and not 125: `git bisect run` stops instead of blaming a commit
_NO_PATH = {errno.ENOENT, errno.EEXIST}  # moeprof made such a path itself

app = typer.Typer(
    name="moeprof",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("doctor")(doctor.doctor)
app.command("profile")(profile)
app.command("parse")(parse.parse)
app.command("build-model")(build_model.build_model)
app.command("validate")(validate)
app.command("cost")(cost)
app.command("report")(report.report)
app.command("scenario")(scenario.scenario)
app.command("scrub")(scrub.scrub)
app.command("import")(import_.import_)
app.command("show")(show.show)


@app.callback()
def moeprof(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Measure what each kernel of a mixture-of-experts layer costs, and put it to use.

    The usual order: doctor, profile, build-model, validate, report, cost. Each takes the latest run
    if none is named.
    """


def main() -> None:
    """Run the command line; end the process with the exit code that docs/method.md lists."""
    arguments = [word for word in sys.argv[1:] if word != "--debug"]
    if arguments == ["--version"]:
        from .. import __version__

        render.text(__version__)
        return
    try:
        app(arguments, prog_name="moeprof")
    except Exception as caught:
        if len(arguments) < len(sys.argv) - 1:
            traceback.print_exc()
        sys.exit(_report(caught))


def _report(caught: Exception) -> int:
    """Print what went wrong in one sentence; return the exit code."""
    if isinstance(caught, OSError) and _is_of_a_path(caught):
        caught = cannot_use(caught)
    if isinstance(caught, UnicodeEncodeError):
        caught = BadInput(
            f"{around(caught)} is not UTF-8, and a path or a name must be", hint="rename it"
        )
    if isinstance(caught, MoeprofError):
        render.error(caught.message, caught.hint)
        return caught.exit_code
    render.error(
        f"moeprof itself failed: {type(caught).__name__}: {caught}",
        hint="run it again with --debug for the traceback, and report it",
    )
    return _OWN_FAULT


def _is_of_a_path(error: OSError) -> bool:
    """Whether a path or a disk refused: no rights, no space, a name that is too long."""
    if error.errno in NO_SPACE:
        return True
    return error.filename is not None and error.errno not in _NO_PATH
