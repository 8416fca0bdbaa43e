"""`moeprof steptime`: its commands."""

import typer

from .fit import fit
from .predict import predict
from .read import read
from .validate import validate

steptime = typer.Typer(
    help="Time, power and energy of a whole model's step.",
    rich_markup_mode=None,
    no_args_is_help=True,
)
steptime.command("read")(read)
steptime.command("fit")(fit)
steptime.command("predict")(predict)
steptime.command("validate")(validate)
