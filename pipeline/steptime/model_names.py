"""Which model of a folder the rows of a result file are of."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ...costmodel.steptime.features.identity import differing_sizes
from ...costmodel.steptime.features.parameters import expert_parameters, total_parameters
from ...scenarios.configs.whole_model import whole_model
from ...store.errors import BadInput, shortened
from ...store.files import has_file
from ...store.serving.whole_model import WholeModel

# A number of billions that a name tells: "70b", "8x7B", "1.5B", but not "A3B" or "4bit".
_BILLIONS: Final = re.compile(
    r"(?<![a-z0-9.])(?:(?P<experts>\d+)x)?(?P<count>\d+(?:\.\d+)?)b(?![a-z0-9])", re.IGNORECASE
)
_SIZE_FACTOR: Final = 1.6  # names are rounded: Gemma's 2B has 2.6 billion
_ONE: Final = "give --model with its config.json"
_RAN: Final = "give in --model the model that the server ran"
_SEVERAL: Final = (
    "put the config.json of each into DIR/models/NAME/, where NAME is the last part of its name"
)


@dataclass(frozen=True, slots=True)
class NamedModels:
    """Names in the folder by the names that a file states (None: it states none).

    `model` is one that the folder lacks, and `config` the config.json that it was read from.
    """

    names: Mapping[str | None, str]
    model: WholeModel | None = None
    config: Path | None = None


def named_models(
    path: Path,
    published: Iterable[str | None],
    stated: str | None,
    known: Mapping[str, WholeModel],
) -> NamedModels:
    """Name the models of the file at `path`.

    `published` are the names that it states, `stated` is what --model says: a config.json, or a
    name of `known`. Without it a published name is that of the folder's model of the same name, or
    of the same last part. Raises BadInput where none is, and where file and --model contradict.
    """
    found = list(dict.fromkeys(published))
    if stated is None:
        return _by_published(path, found, known)
    if len(found) > 1:
        names = shortened(", ".join(map(str, found)))
        raise BadInput(
            f"{path} names {len(found)} models, and --model is one: {names}",
            hint=f"leave out --model; {_SEVERAL}",
        )
    (name,) = found
    same = None if name is None else known_name(name, known)
    if stated in known:
        if same not in (None, stated):
            raise _contradiction(path, f"the model {name}", stated)
        if name is not None and same is None:
            _check_size(path, name, stated, known[stated])
        return NamedModels({name: stated})
    if not has_file(Path(stated)):
        raise BadInput(
            f"--model {shortened(stated)} is no config.json, and no model of the folder",
            hint=f"name a config.json, or one of: {', '.join(sorted(known)) or 'none so far'}",
        )
    return _by_config(path, name, same, Path(stated), known)


def _by_published(
    path: Path, published: list[str | None], known: Mapping[str, WholeModel]
) -> NamedModels:
    names = {name: known_name(name, known) for name in published if name is not None}
    if not any(names.values()):
        said = "states no model"
        if names:
            listed = shortened(", ".join(names))
            said = f"states the model {listed}, and the folder has none of that name"
        raise BadInput(f"{path} {said}", hint=_SEVERAL if len(names) > 1 else _ONE)
    return NamedModels({name: own or str(name) for name, own in names.items()} | {None: ""})


def _by_config(
    path: Path, name: str | None, same: str | None, config: Path, known: Mapping[str, WholeModel]
) -> NamedModels:
    own = whole_model(config)
    if name is not None:
        own = replace(own, name=_last_part(name))
    earlier = known.get(same or own.name)
    if earlier is None:
        if name is not None:
            _check_size(path, name, str(config), own)
        return NamedModels({name: own.name}, own, config)
    if differing := differing_sizes(own, earlier):
        raise BadInput(
            f"{config} has other sizes than the folder's model {earlier.name}:"
            f" {', '.join(differing)}",
            hint="leave out --model, or name another folder in --out; a folder of models that no"
            " row is of may be removed",
        )
    return NamedModels({name: earlier.name})


def _check_size(path: Path, name: str, stated: str, model: WholeModel) -> None:
    """Raise BadInput where a name tells a number of parameters that the model of --model has not.

    It may be that of all of them or of those that one token uses ("Llama-4-Scout-17B-16E").
    """
    if (found := _BILLIONS.search(_last_part(name))) is None:
        return
    told = float(found["count"]) * float(found["experts"] or 1) * 1e9
    total = total_parameters(model)
    idle = 0 if model.experts is None else model.experts.count - model.experts.top_k
    active = total - model.moe_layers * idle * expert_parameters(model)
    if all(max(told / has, has / told) > _SIZE_FACTOR for has in (total, active)):
        raise BadInput(
            f"{path} states the model {shortened(name)}, and {stated} is one of"
            f" {total / 1e9:.3g} billion parameters",
            hint=_RAN,
        )


def known_name(published: str, known: Mapping[str, WholeModel]) -> str | None:
    """The folder's name of a published model: whole, by its last part, or without its "-hf".

    The case of letters does not count. "-hf" marks weights that were converted for Transformers.
    """
    by_case = {name.casefold(): name for name in known}
    last = _last_part(published).casefold()
    spelled = (published.casefold(), last, last.removesuffix("-hf"))
    return next((by_case[name] for name in spelled if name in by_case), None)


def _last_part(published: str) -> str:
    return published.rstrip("/").rsplit("/", 1)[-1]


def _contradiction(path: Path, said: str, stated: str) -> BadInput:
    return BadInput(
        f"{path} states {said}, and --model is {stated}",
        hint="leave out --model, or name the file that it belongs to",
    )
