"""The entry point: the list of commands, and the exit code of an error.

A command imports its stage of the pipeline inside the function, so that `moeprof --help` loads
neither torch nor pandas.
"""

import os
from collections.abc import Sequence
from functools import cache
from typing import Annotated

import typer
from typer.exceptions import TyperException

from ..store.errors import BadInput, MoeprofError
from ..store.files import around, cannot_use, reason
from . import (
    build_model,
    doctor,
    import_,
    parse,
    render,
    report,
    scenario,
    scrub,
    selftest,
    show,
)
from .bisect.check import check
from .bisect.command import bisect
from .compare.command import compare
from .cost.command import cost
from .cost.help import GroupedCommand
from .ending import Ending
from .history.command import history
from .profile.command import profile
from .route.command import route
from .steptime.command import steptime
from .streams import flush_streams
from .validate.command import validate

_OWN_FAULT = 129  # above 127 and not 125: `git bisect run` stops instead of blaming a commit
_INTERRUPTED = 130
_ANSWERS = (0, 1, 125)  # exit codes of `check`: git takes any other code below 128 for a bad commit
_SIGNALS = 128
_NAME = "moeprof"
_COMPLETION = "_MOEPROF_COMPLETE"  # set by the completion of a shell

app = typer.Typer(
    name=_NAME,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("doctor")(doctor.doctor)
app.command("selftest")(selftest.selftest)
app.command("profile")(profile)
app.command("parse")(parse.parse)
app.command("build-model")(build_model.build_model)
app.command("validate")(validate)
app.command("cost", cls=GroupedCommand)(cost)
app.command("report")(report.report)
app.command("scenario")(scenario.scenario)
app.command("scrub")(scrub.scrub)
app.command("import")(import_.import_)
app.command("show")(show.show)
app.command("bisect")(bisect)
app.command("check")(check)
app.command("compare")(compare)
app.add_typer(history, name="history")
app.add_typer(route, name="route")
app.add_typer(steptime, name="steptime")


@app.callback()
def moeprof(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Measure what each kernel of a mixture-of-experts layer costs, and put it to use.

    The usual order: doctor, profile, build-model, validate, report, cost. Each takes the latest run
    if none is named.
    """


def run(words: Sequence[str], ending: Ending) -> int:
    """Run the command line `words`; say what went wrong, and return the exit code."""
    code = _run(words, ending)
    is_oracle = "check" in words[:2]  # after --debug or first
    return _OWN_FAULT if is_oracle and code not in _ANSWERS and code < _SIGNALS else code


def _run(words: Sequence[str], ending: Ending) -> int:
    arguments = [word for word in words if word != "--debug"]
    try:
        code = _command(arguments)
        flush_streams()
    except KeyboardInterrupt as interrupt:
        render.say("; ".join(["interrupted", *map(str, interrupt.args)]))
        return ending.exit_code or _INTERRUPTED
    except BaseException as caught:  # a panic of a library in Rust is no Exception
        if ending.exit_code is not None:  # some libraries turn an interrupt into their own error
            render.say("interrupted")
            return ending.exit_code
        if len(arguments) < len(words):
            render.trace(caught)
        return _report(caught)
    return code


def _command(words: Sequence[str]) -> int:
    """Run one command; return its exit code, and raise what it raises."""
    if words == ["--version"]:
        from .. import __version__

        render.text(__version__)
        return 0
    if _COMPLETION in os.environ:
        app(prog_name=_NAME)
    _check_folder()
    command = _parsers()
    try:
        with command.make_context(_NAME, list(words) or ["--help"]) as context:
            command.invoke(context)
    except typer.Exit as end:
        return end.exit_code
    except SystemExit:  # raised by a library: a command ends by typer.Exit
        return _OWN_FAULT
    return 0


@cache  # it takes 12 ms, and the tests run thousands of commands in one process
def _parsers() -> typer.core.TyperGroup:
    """The commands, each with the options that its function declares."""
    return typer.main.get_group(app)


def _check_folder() -> None:
    """Raise BadInput where the present folder was removed: no relative path means anything then."""
    try:
        os.getcwd()
    except OSError as error:
        raise BadInput(
            f"the present folder cannot be used: {reason(error)}", hint="cd to another one"
        ) from error


def _report(caught: BaseException) -> int:
    """Print what went wrong in one sentence; return the exit code."""
    refusal = _refusal(caught)
    if refusal is None:
        render.error(
            f"moeprof itself failed: {type(caught).__name__}: {caught}",
            hint="run it again with --debug for the traceback, and report it",
        )
        return _OWN_FAULT
    render.error(refusal.message, refusal.hint)
    return refusal.exit_code


def _refusal(caught: BaseException) -> MoeprofError | None:
    """Give an error as one that the user can mend; None where moeprof itself is at fault."""
    if isinstance(caught, MoeprofError):
        return caught
    if isinstance(caught, TyperException):
        return _misused(caught)
    if isinstance(caught, UnicodeEncodeError):
        message = f"{around(caught)} is not UTF-8, and a path or a name must be"
        return BadInput(message, hint="rename it")
    if isinstance(caught, MemoryError):
        return BadInput("there is not enough memory", hint="end other programs, or ask for less")
    return cannot_use(caught) if isinstance(caught, OSError) else None


def _misused(caught: TyperException) -> BadInput:
    """Give what Typer refuses of the words of a command line, with the way out."""
    message = caught.format_message()
    if message.endswith("is not readable."):  # what click.Path says of another user's file
        return BadInput(message, hint="let it be read by you, with chmod or as its owner")
    context = getattr(caught, "ctx", None)
    path = _NAME if context is None else context.command_path
    return BadInput(message, hint=f"{path} --help")
