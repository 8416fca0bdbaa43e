"""`moeprof scenario`: presets, and the preset of a published model."""

from pathlib import Path
from typing import Annotated

import typer

from ..store.atomic import write_whole
from ..store.errors import BadInput
from . import render


def scenario(
    name: Annotated[
        str | None, typer.Argument(metavar="PRESET", help="Preset to print; all if left out.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--from", help="config.json of a published model.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write instead of stdout.")
    ] = None,
) -> None:
    """Print a preset as TOML.

    `moeprof profile --scenario FILE` takes it, changed as you like.
    """
    from ..scenarios.preset import PRESETS, load_preset, preset_from_config, to_toml

    if name is not None and config is not None:
        raise BadInput("a preset's name and --from were both given", hint="give one of them")
    if config is not None:
        presets = [preset_from_config(config)]
    else:
        presets = [load_preset(each) for each in ([name] if name else PRESETS)]
    toml = "\n".join(map(to_toml, presets))
    if out is None:
        render.text(toml)
    else:
        write_whole(out, toml)
        render.say(f"preset: {out}")
