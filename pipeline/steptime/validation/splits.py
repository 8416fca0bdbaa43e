"""Which rows a fit is made from, and which it is judged by, when something is left out."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ....compare.steptime.predicted import later
from ....costmodel.steptime.fit.folds import FOLDS, SEED, shuffled_folds
from ....costmodel.steptime.rows.serving_rows import Places, ServingRows, Strings
from ....store.errors import BadInput

LeftOut = Literal["configuration", "model", "gpu", "ngpu", "engine", "dense", "time"]
LEFT_OUT: Final[tuple[LeftOut, ...]] = get_args(LeftOut)


@dataclass(frozen=True, slots=True)
class Split:
    """Places of the rows that a fit is made from, and of those of the group that it leaves out."""

    group: str
    training: Places
    tested: Places


@dataclass(frozen=True, slots=True)
class Bundle:
    """Splits whose fits share what is learnt from rows beside: those at `others`.

    No group of any of the splits is among these.
    """

    splits: tuple[Split, ...]
    others: Places


def bundles_of(rows: ServingRows, left_out: LeftOut) -> tuple[Bundle, ...]:
    """The splits in ten bundles at most: what takes long is learnt once for a bundle.

    Raises BadInput as splits_of does.
    """
    splits = splits_of(rows, left_out)
    dealt = np.random.default_rng(SEED).permutation(len(splits)) % FOLDS
    if len(splits) <= FOLDS:
        dealt = np.arange(len(splits))
    parts = [[splits[at] for at in np.flatnonzero(dealt == one)] for one in np.unique(dealt)]
    return tuple(bundle_of(*part) for part in parts)


def bundle_of(first: Split, *further: Split) -> Bundle:
    """One bundle of splits of the same rows."""
    others = first.training
    for split in further:
        others = np.setdiff1d(others, split.tested)
    return Bundle((first, *further), others)


def splits_of(rows: ServingRows, left_out: LeftOut) -> tuple[Split, ...]:
    """The splits by which every row that can be is predicted without its own group.

    Whole configurations are dealt out to ten folds; each model, type of GPU, number of GPUs or
    engine is left out in turn; models with experts are predicted from dense ones alone, and the
    last 20 % of the rows in time from those before. Raises BadInput where there is nothing to leave
    out.
    """
    if left_out == "dense":
        return (_split(left_out, "MoE from dense", rows.has_experts, ~rows.has_experts),)
    if left_out == "time":
        parts = later(rows.time_s)
        return (_split(left_out, "last 20 %", parts == 1, parts == 0),)
    groups = _groups(rows, left_out)
    names = np.unique(groups)
    if len(names) < 2:
        raise _nothing(left_out, f"all rows are of {names[0]}")
    return tuple(
        Split(str(name), np.flatnonzero(groups != name), np.flatnonzero(groups == name))
        for name in names
    )


def _groups(rows: ServingRows, left_out: LeftOut) -> Strings:
    match left_out:
        case "model":
            return rows.models
        case "gpu":
            return rows.gpu_names
        case "engine":
            return rows.engines
        case "ngpu":
            return np.asarray([f"{n} GPU" if n == 1 else f"{n} GPUs" for n in rows.gpus])
        case _:
            folds = shuffled_folds(rows.configurations, FOLDS, SEED)
            return np.asarray([f"fold {fold}" for fold in folds])


def _split(
    left_out: LeftOut, group: str, tested: NDArray[np.bool_], training: NDArray[np.bool_]
) -> Split:
    """One split by two masks of shape (n,)."""
    if not tested.any() or not training.any():
        why = "all rows have one time, or none" if left_out == "time" else "all or no models are"
        raise _nothing(left_out, why)
    return Split(group, np.flatnonzero(training), np.flatnonzero(tested))


def _nothing(left_out: LeftOut, why: str) -> BadInput:
    others = ", ".join(name for name in LEFT_OUT if name != left_out)
    return BadInput(f"there is no {left_out} to leave out: {why}", hint=f"leave out {others}")
