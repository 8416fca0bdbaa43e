"""Measured steps of served models, as arrays."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from ..features.columns import columns
from ..features.deployment import Deployment
from ..features.steps import Array, Steps

Strings = NDArray[np.str_]
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class ServingRows:
    """n rows, each a mean step of a deployment; arrays have shape (n,).

    `which` are places in `deployments`. `step_us` is the mean step, which holds the prefills of
    other requests, and `decode_us` one that decodes alone: NaN where unknown. `stated_us` is the
    time per token that the row states, whether or not it is a step. `power_w` is that of all GPUs
    of the deployment, NaN where unmeasured. `version` is that of the engine, "" where unknown;
    `source` names who measured, `name` the row. `time_s` is the Unix time of the measurement, NaN
    where unknown. `workload` is one of workload.py's kinds of work. `beside` are mean steps that
    a fit of steps that decode alone draws on, None for none.
    """

    deployments: tuple[Deployment, ...]
    which: Places
    steps: Steps
    stated_us: Array
    step_us: Array
    decode_us: Array
    power_w: Array
    version: Strings
    source: Strings
    name: Strings
    time_s: Array
    workload: Strings
    beside: "Beside | None" = None
    _columns: dict[str, Array] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.step_us)

    def taken(self, rows: Places) -> Self:
        """The rows at `rows`, in their order; columns that were counted are not counted again."""
        some = type(self)(
            self.deployments,
            self.which[rows],
            self.steps.taken(rows),
            self.stated_us[rows],
            self.step_us[rows],
            self.decode_us[rows],
            self.power_w[rows],
            self.version[rows],
            self.source[rows],
            self.name[rows],
            self.time_s[rows],
            self.workload[rows],
            self.beside,
        )
        some._columns.update({name: values[rows] for name, values in self._columns.items()})
        return some

    def timed(self, step_us: Array) -> Self:
        """The same rows with other steps, us of shape (n,)."""
        some = replace(self, step_us=step_us)
        some._columns.update(self._columns)
        return some

    def each(self, names: tuple[str, ...]) -> Strings:
        """A name of each row's deployment, given one per deployment."""
        return np.asarray(names, dtype=np.str_)[self.which]

    @property
    def configurations(self) -> Strings:
        """What a split must keep together."""
        return self.each(tuple(one.configuration for one in self.deployments))

    @property
    def models(self) -> Strings:
        """Name of each row's model."""
        return self.each(tuple(one.model.name for one in self.deployments))

    @property
    def gpu_names(self) -> Strings:
        """Name of each row's GPU."""
        return self.each(tuple(one.gpu_name for one in self.deployments))

    @property
    def vendors(self) -> Strings:
        """Name of the maker of each row's GPU."""
        return self.each(tuple(one.gpu.vendor for one in self.deployments))

    @property
    def engines(self) -> Strings:
        """Name and generation of each row's engine."""
        return self.each(tuple(one.engine for one in self.deployments))

    @property
    def precisions(self) -> Strings:
        """Name of each row's precision."""
        return self.each(tuple(one.precision_name for one in self.deployments))

    @property
    def stored_as(self) -> Strings:
        """The precision of each row, and whether of a dense model or of experts."""
        return self.each(tuple(one.stored_as for one in self.deployments))

    @property
    def gpus(self) -> Places:
        """Number of GPUs of each row."""
        return np.asarray([one.gpus for one in self.deployments], dtype=np.intp)[self.which]

    @property
    def has_experts(self) -> NDArray[np.bool_]:
        """Whether each row's model has routed experts."""
        return np.asarray([one.model.experts is not None for one in self.deployments])[self.which]


@dataclass(frozen=True, slots=True)
class Beside:
    """`mean` steps, some of them of the same measurements as the `whole` of the decode steps."""

    mean: ServingRows
    whole: ServingRows

    def left_to(self, rows: ServingRows) -> ServingRows:
        """The mean steps that say nothing of what `rows` lack and the whole of them has.

        They are of no configuration, model, GPU, engine, ... that was left out of `rows`, nor
        later than all of them where later ones were left out.
        """
        keeps = np.ones(len(self.mean), dtype=np.bool_)
        for names_of in _LEFT_OUT_BY:
            gone = np.setdiff1d(names_of(self.whole), names_of(rows))
            keeps &= ~np.isin(names_of(self.mean), gone)
        latest = float(np.fmax.reduce(rows.time_s, initial=-np.inf))
        if (self.whole.time_s > latest).any():
            keeps &= ~(self.mean.time_s > latest)
        return self.mean.taken(np.flatnonzero(keeps))


# What rows are left out by; the last is the measurement itself.
_LEFT_OUT_BY: Final[tuple[Callable[[ServingRows], NDArray[Any]], ...]] = (
    lambda rows: rows.configurations,
    lambda rows: rows.models,
    lambda rows: rows.gpu_names,
    lambda rows: rows.gpus,
    lambda rows: np.char.add(rows.engines, rows.vendors),
    lambda rows: rows.stored_as,
    lambda rows: rows.has_experts,
    lambda rows: np.char.add(rows.source, rows.name),
)


def columns_of(rows: ServingRows) -> dict[str, Array]:
    """The columns of the physics fit for every row, each of shape (n,); counted once."""
    if not rows._columns:
        rows._columns.update(_counted(rows))
    return dict(rows._columns)


def _counted(rows: ServingRows) -> dict[str, Array]:
    found: dict[str, Array] = {}
    for place in np.unique(rows.which):
        at = np.flatnonzero(rows.which == place)
        some = columns(rows.deployments[place], rows.steps.taken(at))
        for name, values in some.items():
            found.setdefault(name, np.zeros(len(rows)))[at] = values
    return found
