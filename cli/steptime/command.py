"""`moeprof steptime`: its commands."""

import typer

from .fit import fit
from .predict import predict
from .read import read
from .show import show
from .validate import validate

_HELP = """Time, power and energy of a whole model's step.

\b
1. moeprof steptime read RESULTS --out rows ...     your own results, as rows
2. moeprof steptime fit rows                        step_time_model.json
3. moeprof steptime validate FILE other-rows        how far it is off
4. moeprof steptime predict FILE --model M ...      time, power and energy
   moeprof steptime show FILE                       models and GPUs it knows
"""

steptime = typer.Typer(
    help=_HELP,
    rich_markup_mode=None,
    no_args_is_help=True,
)
steptime.command("read")(read)
steptime.command("fit")(fit)
steptime.command("predict")(predict)
steptime.command("validate")(validate)
steptime.command("show")(show)
