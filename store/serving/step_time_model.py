"""The contents of `step_time_model.json`: coefficients of the mean step of served models."""

from dataclasses import dataclass
from typing import ClassVar

from ..document import Amount, Count, Positive
from .whole_model import WholeModel

Terms = dict[str, Amount]


@dataclass(frozen=True, slots=True)
class FormScore:
    """Error of one form on configurations that it was not fitted to.

    Median and 90th percentile of |predicted / measured - 1|, of `rows` rows.
    """

    median: Amount
    p90: Amount
    rows: Count


@dataclass(frozen=True, slots=True)
class OwnSpread:
    """How configurations differ from their predictions, as logarithms (calibration.py).

    `covariance` is that of level and slopes, row by row; `noise` the variance around the line.
    """

    covariance: tuple[tuple[float, ...], ...]
    noise: Positive


@dataclass(frozen=True, slots=True)
class PowerShares:
    """Shares of the TDP by term: pooled, and by the name of a GPU."""

    shares: Terms
    by_gpu: dict[str, Terms]
    rows: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTimeFile:
    """The whole of `step_time_model.json`; it holds no build time and no row.

    `coefficients` multiply the columns of docs/steptime.md; `by_engine` replaces some. `units` has
    the unit of each: "1" for columns in us, else us per piece. Those of one tuple in `only_as_sum`
    are told apart by models and batches alone: within one model only their sum is known. `effects`
    are |log| ratios by level and member, for `models` and `gpus` that have rows. `domain` has the
    smallest and largest value of each column. `factors` maps a coverage in percent to the factor
    that a step lies within. `scores` are those of every form, by name; `power` is None without rows
    of power. `files` maps the files of the rows to their sha256, `refused` reasons to rows.
    """

    SCHEMA: ClassVar[str] = "moeprof.step_time_model/1.0"
    WAY_OUT: ClassVar[str] = "build it anew from rows of your own"

    coefficients: Terms
    by_engine: dict[str, Terms]
    units: dict[str, str]
    only_as_sum: tuple[tuple[str, ...], ...]
    effects: dict[str, dict[str, float]]
    models: tuple[WholeModel, ...]
    gpus: tuple[str, ...]
    domain: dict[str, tuple[Amount, Amount]]
    factors: dict[str, Positive]
    spread: OwnSpread
    power: PowerShares | None
    scores: dict[str, FormScore]
    rows: Count
    configurations: Count
    refused: dict[str, Count]
    files: dict[str, str]
