"""Which rows train and which are scored: parts of one folder, its grouped folds, or a held one."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moeprof.costmodel.steptime.features.steps import Array
from moeprof.costmodel.steptime.fit.folds import Fit, Labels, left_out, shuffled_folds
from moeprof.costmodel.steptime.rows.gate import Refused
from moeprof.costmodel.steptime.rows.models_table import read_models
from moeprof.costmodel.steptime.rows.public_table import read_rows
from moeprof.costmodel.steptime.rows.serving_rows import ServingRows

FOLDS = 10
SHARE = 0.7  # share of the configurations that train


@dataclass(frozen=True)
class Error:
    """Median and 90th percentile of |predicted / measured - 1|, in percent, of `rows` rows."""

    median_pct: float
    p90_pct: float
    rows: int


def error(predicted: Array, measured: Array) -> Error:
    """The error of predictions, of shape (n,)."""
    off = 100 * np.abs(predicted / measured - 1)
    return Error(float(np.median(off)), float(np.quantile(off, 0.9)), len(off))


@dataclass(frozen=True)
class Trial:
    """Rows that train, and rows that are scored: the same ones, in folds, or held ones.

    A held row belongs to no configuration that trains.
    """

    training: ServingRows
    scored: ServingRows
    held: bool
    seed: int

    def predicted(self, fit: Fit, labels: Callable[[ServingRows], Labels] | None = None) -> Array:
        """Predict each scored row by a fit without any row of its label.

        Without `labels`, by one without its configuration.
        """
        if not self.held:
            asked = self.folds if labels is None else labels(self.training)
            return left_out(self.training, asked, fit)
        if labels is None:
            return fit(self.training)(self.scored)
        trained, asked = labels(self.training), labels(self.scored)
        found = np.full(len(self.scored), np.nan)
        for label in np.unique(asked):
            at = np.flatnonzero(asked == label)
            rows = self.training.taken(np.flatnonzero(trained != label))
            found[at] = fit(rows)(self.scored.taken(at))
        return found

    @property
    def folds(self) -> Labels:
        """The fold of each training row, whole configurations together."""
        return shuffled_folds(self.training.configurations, FOLDS, self.seed)

    def split(self) -> "Trial":
        """Seven tenths of the configurations train, the others are held; dealt out by the seed."""
        names, place = np.unique(self.training.configurations, return_inverse=True)
        order = np.random.default_rng(self.seed).permutation(len(names))
        trains = order[place] < SHARE * len(names)
        training, scored = (self.training.taken(np.flatnonzero(at)) for at in (trains, ~trains))
        return Trial(training, scored, held=True, seed=self.seed)

    def of(self, chosen: Callable[[ServingRows], NDArray[np.bool_]]) -> "Trial":
        """The same with the chosen rows of each side."""
        training, scored = (
            rows.taken(np.flatnonzero(chosen(rows))) for rows in (self.training, self.scored)
        )
        return Trial(training, scored, self.held, self.seed)


def read_trial(data: Path, held: Path | None, seed: int) -> tuple[Trial, Refused]:
    """Read NVIDIA rows of mean steps, of `data` and, if given, of `held`."""
    training, refused = _read(data, data)
    scored = training if held is None else _read(held, data)[0]
    return Trial(training, scored, held is not None, seed).of(is_mean_step), refused


def _read(folder: Path, other: Path) -> tuple[ServingRows, Refused]:
    """The rows of a folder, by its own models or those of the other."""
    listed = folder / "models.csv"
    models = read_models(listed if listed.exists() else other / "models.csv")
    return read_rows(folder / "serving_rows.parquet", models)


def is_mean_step(rows: ServingRows) -> NDArray[np.bool_]:
    """NVIDIA's GPUs, and a mean step that was measured."""
    amd = np.char.startswith(rows.gpu_names, "MI")
    return np.asarray(~amd & np.isfinite(rows.step_us))


def seeds_error(errors: Iterable[Error]) -> Error:
    """The mean error over seeds."""
    listed = list(errors)
    medians, p90s = ([getattr(e, name) for e in listed] for name in ("median_pct", "p90_pct"))
    return Error(float(np.mean(medians)), float(np.mean(p90s)), listed[0].rows)
