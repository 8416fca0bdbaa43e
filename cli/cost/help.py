"""The help of a command whose options stand in groups: those of one group under its name."""

from collections import defaultdict
from typing import Any

from typer.core import TyperCommand


class GroupedCommand(TyperCommand):
    """A command whose plain help shows each option under its `rich_help_panel`.

    Typer does so by itself in the help that rich draws alone.
    """

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, the options without a group, and then each group."""
        groups: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        for param in self.get_params(ctx):
            kind = "Arguments" if param.param_type_name == "argument" else "Options"
            record = param.get_help_record(ctx)
            if record is not None:
                groups[getattr(param, "rich_help_panel", None) or kind].append(record)
        own = ("Arguments", "Options")
        for name in (*own, *(group for group in groups if group not in own)):
            with formatter.section(name):
                formatter.write_dl(groups[name])
