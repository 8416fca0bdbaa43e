"""The runs that several power limits and SM clocks of a GPU ask for: one at each pair of them."""

from collections import Counter
from dataclasses import replace
from itertools import product

from ..store.errors import BadInput
from .run_options import RunOptions
from .shapes.chosen import numbers


def at_each_setting(
    options: RunOptions, power_limits_w: str | None, sm_clocks_mhz: str | None
) -> tuple[RunOptions, ...]:
    """Give the options of a run at each power limit and SM clock, which are lists by comma.

    A model holds one state of its device, so each is a run of its own. They share the budget.
    Raises BadInput for a list that holds no numbers, or one twice.
    """
    limits = numbers("--power-limits", power_limits_w)
    clocks = numbers("--lock-clocks", sm_clocks_mhz)
    for option, values in (("--power-limits", limits), ("--lock-clocks", clocks)):
        twice = [value for value, count in Counter(values).items() if count > 1]
        if twice:
            raise BadInput(f"{option} names {twice[0]} twice", hint="name each once")
    runs = len(limits) * len(clocks)
    budget_s = None if options.budget_s is None else options.budget_s / runs
    return tuple(
        replace(options, power_limit_w=limit_w, sm_clock_mhz=clock_mhz, budget_s=budget_s)
        for limit_w, clock_mhz in product(limits, clocks)
    )
