"""The model that a prediction is asked for, and the precision of its weights."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ....costmodel.steptime.engine.context_lengths import published_context_tokens
from ....costmodel.steptime.features.identity import differing_sizes, same_model
from ....costmodel.steptime.features.precisions import PRECISIONS, precision_name, stored_precision
from ....scenarios.configs.whole_model import whole_model
from ....store.errors import BadInput, shortened
from ....store.files import has_file, has_folder
from ....store.serving.whole_model import WholeModel
from ..model_names import known_name

_CONFIG: Final = "config.json"
_UNQUANTISED: Final = "bf16"
_NEAREST: Final = {"int8": "fp8, of as many bits", "nf4": "int4, of as many bits"}


@dataclass(frozen=True, slots=True)
class AskedModel:
    """A model that is asked for, and what the name does not say of it, a sentence each."""

    model: WholeModel
    notes: tuple[str, ...] = ()


def asked_model(words: str, models: Iterable[WholeModel], path: Path) -> AskedModel:
    """One of `models` of the file at `path` by its name, or by a config.json or the folder of one.

    A config.json of the sizes of one of them is that model, whatever its name. One that has the
    name alone is another. Raises BadInput where neither is found.
    """
    known = {model.name: model for model in models}
    config = Path(words) / _CONFIG if has_folder(Path(words)) else Path(words)
    if words in known or not has_file(config):
        name = known_name(words, known)
        if name is None:
            raise BadInput(
                f"{path} has no model {shortened(words)!r}, and no file has that name",
                hint=f"give a config.json, or one of: {', '.join(sorted(known))}",
            )
        model = known[name]
        most = model.max_context_tokens or published_context_tokens(name)
        return AskedModel(replace(model, max_context_tokens=most))
    own = whole_model(config)
    if (same := same_model(own, known.values())) is not None:
        return _counted_as(own, same, path)
    if (name := known_name(own.name, known)) is None:
        return AskedModel(own)
    differing = ", ".join(differing_sizes(own, known[name]))
    note = f"{config} is not the {name} of {path.name}, and counts as unseen: {differing}"
    return AskedModel(replace(own, name=f"{own.name} (other sizes)"), (note,))


def _counted_as(own: WholeModel, same: WholeModel, path: Path) -> AskedModel:
    """The model with rows, with what only its own file says."""
    most = own.max_context_tokens or same.max_context_tokens or published_context_tokens(same.name)
    model = replace(same, max_context_tokens=most, stored=own.stored)
    if own.name.casefold() == same.name.casefold():
        return AskedModel(model)
    return AskedModel(model, (f"{own.name} has the sizes of {same.name}, and counts as that",))


@dataclass(frozen=True, slots=True)
class AskedPrecision:
    """The precision of the weights, and what the model's own file says of it."""

    name: str
    notes: tuple[str, ...] = ()


def asked_precision(words: str | None, model: WholeModel) -> AskedPrecision:
    """The precision that is given, else that of the model's own file, else bf16.

    Raises BadInput where none is given and that of the file is not counted.
    """
    stored = stored_precision(model)
    if words is None:
        if stored is None:
            return AskedPrecision(_UNQUANTISED)
        if stored not in PRECISIONS:
            raise BadInput(
                f"the file of {model.name} says that its weights are in {shortened(stored)}, which"
                " is not counted",
                hint=f"give the nearest --precision: {_NEAREST.get(stored, ', '.join(PRECISIONS))}",
            )
        return AskedPrecision(stored, (f"weights in {stored}, as the model's own file says",))
    if stored in (None, precision_name(words)):
        return AskedPrecision(words)
    note = f"the model's own file says that its weights are in {stored}: {words} counts"
    return AskedPrecision(words, (note,))
