"""`moeprof route`: its commands."""

import typer

from .plan import plan
from .simulate import simulate

route = typer.Typer(
    help="Route by a cost model: an answer, or simulated control.",
    rich_markup_mode=None,
    no_args_is_help=True,
)
route.command("plan")(plan)
route.command("simulate")(simulate)
