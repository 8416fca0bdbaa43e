"""`moeprof route`: its commands."""

import typer

from .plan import plan

route = typer.Typer(
    help="Route by a cost model: one static answer.",
    rich_markup_mode=None,
    no_args_is_help=True,
)
route.command("plan")(plan)
