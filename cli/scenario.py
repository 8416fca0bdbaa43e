"""`moeprof scenario`: presets, and the preset of a published model."""

from pathlib import Path
from typing import Annotated

import typer

from ..store.errors import BadInput
from ..store.files import write_whole
from . import render


def scenario(
    name: Annotated[str | None, typer.Argument(metavar="PRESET", help="Preset to print.")] = None,
    config: Annotated[
        Path | None,
        typer.Option("--from", help="Make it from the config.json of a published model."),
    ] = None,
    dense: Annotated[
        bool, typer.Option("--dense", help="The model has no experts: take its layer as one.")
    ] = False,
    tensor_parallel: Annotated[
        int, typer.Option(help="One rank of so many that share each product and the heads.")
    ] = 1,
    expert_parallel: Annotated[
        int, typer.Option(help="One rank of so many that share the experts.")
    ] = 1,
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write instead of stdout.")
    ] = None,
) -> None:
    """Print a preset as TOML; without a name, list what there is.

    A preset is the sizes of one model's layer. `moeprof profile --scenario FILE` takes it, changed
    as you like.
    """
    from ..pipeline.scenario import preset_from, preset_named

    if name is not None and config is not None:
        raise BadInput("a preset's name and --from were both given", hint="give one of them")
    if dense and config is None:
        raise BadInput("--dense is for a config.json", hint="name one with --from")
    ranks = (tensor_parallel, expert_parallel)
    if config is not None:
        preset = preset_from(config, dense=dense, ranks=ranks)
    elif name is not None:
        preset = preset_named(name, ranks)
    elif ranks == (1, 1):
        _list()
        return
    else:
        raise BadInput("one rank of no preset was asked for", hint="name a preset, or --from FILE")
    for assumption in preset.assumptions:
        render.say(assumption)
    if out is None:
        render.text(preset.toml)
    else:
        write_whole(out, preset.toml)
        render.say(f"preset: {out}")


def _list() -> None:
    from ..pipeline.scenario import presets

    render.table(
        "Presets",
        ["name", "#hidden", "#ffn", "#experts", "#top_k", "dtype"],
        [
            [one.name, *map(str, (one.hidden, one.ffn, one.experts, one.top_k)), one.dtype]
            for one in presets()
        ],
    )
