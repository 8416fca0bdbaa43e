"""What `moeprof compare` found: whether NEW costs more than OLD, by operation and by batch size."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Literal

from ..document import Amount, Count, Positive, Share, Size

Kind = Literal["runs", "benchmarks", "revisions"]


class Change(StrEnum):
    """Conclusion on a change of cost.

    INCONCLUSIVE is neither: what was measured leaves open on which side of the limit it is.
    """

    REGRESSION = "regression"
    IMPROVED = "improved"
    UNCHANGED = "unchanged"
    INCONCLUSIVE = "inconclusive"

    @property
    def exit_code(self) -> int:
        """0, 1, or 125, the code by which `git bisect run` skips a commit."""
        return {Change.REGRESSION: 1, Change.INCONCLUSIVE: 125}.get(self, 0)


@dataclass(frozen=True, slots=True)
class Compared:
    """One quantity of one operation, at one batch size or, where `tokens` is None, over all.

    `op` is as NEW calls it. `old` and `new` are values in `unit`, None over all sizes. `change` is
    new / old, 1.08 where it is 8 % more, without the shift that most curves share; `lo` and `hi`
    are the bounds of its 95 % interval, None where nothing tells how far two measurements of the
    same thing lie apart. `p_more` and `p_less` are adjusted p-values that it is not more, or less,
    by the least effect. `n` is the number of sizes, or of readings of each side. `reason` says why
    the verdict is open, `by_clocks` that a change of clocks explains the change.
    """

    metric: str
    op: str
    curve: str
    tokens: Size | None
    unit: str
    n: Count
    old: Amount | None
    new: Amount | None
    change: Positive
    lo: Amount | None
    hi: Amount | None
    p_more: Share
    p_less: Share
    verdict: Change
    reason: str | None = None
    by_clocks: str | None = None


@dataclass(frozen=True, slots=True)
class CommonShift:
    """The change of one quantity that most curves share: the machine or the build changed.

    `change` is new / old over the `n` curves that share it, with its 95 % interval. `spread` is the
    relative standard deviation of these curves: by so much a curve differs between two measurements
    of the same code. `told` is whether the change is surely not 1 and beyond the least effect.
    """

    metric: str
    change: Positive
    lo: Amount
    hi: Amount
    n: Count
    spread: Amount
    told: bool


@dataclass(frozen=True, slots=True)
class RankAgreement:
    """Whether the operations rank alike on both sides, by one quantity.

    `tau` is Kendall's tau-b over operations, as a mean over the `n` batch sizes. Of the `pairs` of
    operations of which one is cheaper on OLD by more than the least effect, `held` is the share
    where it is so on NEW; `lost` names those where it is not, and at which batch sizes:
    "A < B at 64", "A < B at 7 sizes from 1 to 64".
    """

    metric: str
    tau: float | None
    n: Count
    pairs: Count
    held: Share | None
    lost: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The whole of a comparison.

    `min_effect` is the least relative change that matters, `alpha` the chance that any of all
    comparisons is called a regression though none is. `ops` are over all sizes, `sizes` each one.
    `differs` maps each condition of measurement that is not the same to that of OLD and of NEW.
    `not_compared` maps what only one side has, or what cannot be compared, to the reason.
    """

    SCHEMA: ClassVar[str] = "moeprof.comparison/1.0"
    WAY_OUT: ClassVar[str] = "compare again: moeprof compare OLD NEW --json"

    kind: Kind
    old: str
    new: str
    verdict: Change
    min_effect: Positive
    alpha: Share
    ops: tuple[Compared, ...]
    sizes: tuple[Compared, ...]
    shifts: tuple[CommonShift, ...]
    differs: dict[str, tuple[str, str]]
    not_compared: dict[str, str]
    ranks: tuple[RankAgreement, ...] = ()
    remarks: tuple[str, ...] = ()
