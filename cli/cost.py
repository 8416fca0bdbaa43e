"""`moeprof cost`: one look-up, with its interval."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ..store.errors import BadInput
from . import render
from .options import DEFAULT_STORE, Json, Store, find_model


def cost(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[MODEL] OP", help="Model file or its run (the latest if left out), operation."
        ),
    ],
    batch_size: Annotated[int, typer.Option(help="Tokens in the call.")],
    store: Store = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """Look up what one call costs.

    OP is an operation, or a curve's whole name.
    """
    from ..costmodel.model import KernelCostModel

    if len(words) > 2:
        raise BadInput(f"{words[2]!r} is one word too many", hint="moeprof cost MODEL fc1")
    *named, op = words
    path = find_model(Path(named[0]) if named else None, store)
    found = KernelCostModel.load(path).get_cost(op, batch_size)
    if json:
        render.data(asdict(found))
        return
    kind = "measured" if found.measured else "interpolated"
    render.table(
        f"{op} at batch size {batch_size} ({kind}, {found.source} time)",
        ["quantity", "#value", "#95 % from", "#to", "unit"],
        [
            [
                "latency",
                render.number(found.latency_us),
                render.number(found.latency_us_lo),
                render.number(found.latency_us_hi),
                "us",
            ],
            ["energy", render.number(found.energy_mj), "-", "-", "mJ"],
            ["temperature rise", render.number(found.temp_rise_c), "-", "-", "K"],
        ],
    )
    if found.latency_us_lo is None:
        render.say("no interval: the model has too few points to state one")
    if found.energy_mj is None:
        render.say(f"energy: {found.energy_source}: {found.energy_reason}")
