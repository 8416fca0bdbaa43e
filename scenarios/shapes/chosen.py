"""The layers that a run measures: by name, at other widths, of other weights, one rank of each."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

from ...kernels.formats.names import UNQUANTISED, sizes_of
from ...stats.routing.distribution import distribution_words
from ...store.errors import BadInput, naming, shortened
from ..preset import UNPACKED_BITS, Preset, load_preset, read_preset
from ..run_options import RunOptions
from .parallel import rank_of


def chosen_layers(options: RunOptions, default: str) -> tuple[Preset, ...]:
    """Every layer that the options stand for, each once; `default` is the preset without a name.

    Raises BadInput for an unknown preset, a file that is none, a list that holds no numbers, and
    sizes that break a rule of `Preset` or do not divide.
    """
    if options.preset_file is not None:
        named = [read_preset(Path(options.preset_file))]
    else:
        words = default if options.preset is None else options.preset
        named = [load_preset(word.strip()) for word in words.split(",")]
    if options.routing is not None:
        with naming(f"--routing {options.routing}"):
            words = distribution_words(options.routing)
            named = [replace(preset, routing=words) for preset in named]
    ranks = (options.tensor_parallel, options.expert_parallel)
    layers = [
        rank_of(_changed(preset, hidden, weights), *ranks)
        for preset in named
        for hidden, weights in product(numbers("--hidden", options.hidden), _weights(options))
    ]
    found: list[Preset] = []
    for layer in layers:
        if not any(same_sizes(layer, other) for other in found):
            found.append(layer)
    _check_one_dtype(found)
    return tuple(found)


def default_layer(device: str) -> str:
    """The preset that is measured where none is named; `device` is "cpu" or "cuda:N"."""
    return "small" if device == "cpu" else "mixtral-8x7b"


def same_sizes(one: Preset, other: Preset) -> bool:
    """Whether two presets are the same layer, whatever their names and sources."""
    return replace(one, name=other.name, source=other.source) == other


def _check_one_dtype(layers: Sequence[Preset]) -> None:
    for layer in layers[1:]:
        if layer.dtype != layers[0].dtype:
            raise BadInput(
                f"{layers[0].name} is of {layers[0].dtype} and {layer.name} of {layer.dtype}, and a"
                " run measures one dtype",
                hint="profile each, and make one model: moeprof build-model RUN --also RUN",
            )


def _weights(options: RunOptions) -> list[dict[str, Any]]:
    """What is changed of the weights, by key of a preset, for each kind that is asked for."""
    if options.weight_format is None:
        bits = numbers("--weight-bits", options.weight_bits)
        return [{} if n is None else {"weight_bits": n, "weight_format": None} for n in bits]
    if options.weight_bits is not None:
        raise BadInput(
            "--weight-bits and --weight-format were both given",
            hint="give one of them: int4 and int8 are formats too",
        )
    with naming("--weight-format"):
        return [_of_format(word.strip()) for word in options.weight_format.split(",")]


def _of_format(name: str) -> dict[str, Any]:
    if name == UNQUANTISED:
        return {"weight_bits": UNPACKED_BITS, "weight_format": None}
    sizes = sizes_of(name)
    group = {"group_size": sizes.group} if sizes.group else {}
    return {"weight_format": name, "weight_bits": sizes.bits, **group}


def _changed(preset: Preset, hidden: int | None, weights: dict[str, Any]) -> Preset:
    wanted = ({} if hidden is None else {"hidden": hidden}) | weights
    changes = {key: value for key, value in wanted.items() if value != getattr(preset, key)}
    if not changes:
        return preset
    said = ", ".join(map(_said, changes.items()))
    with naming(f"{preset.name} with {said}"):
        return replace(preset, source=f"{preset.source}; with {said}", **changes)


def _said(change: tuple[str, Any]) -> str:
    """A changed key of a preset, in words that are those of either option for weights."""
    if change == ("weight_bits", UNPACKED_BITS):
        return "weights not packed"
    key, value = change
    return f"{key} {UNQUANTISED if value is None else value}"


def numbers(option: str, words: str | None) -> Sequence[int | None]:
    """The numbers of a list by comma; None alone where there is no list. Raises BadInput."""
    if words is None:
        return (None,)
    try:
        return [int(word) for word in words.split(",")]
    except ValueError:
        raise BadInput(
            f"{option} is {shortened(repr(words))}, and must be whole numbers by comma"
        ) from None
