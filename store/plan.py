"""A plan: which scenarios a run measures, in which phases, within which budget."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar, Final, Literal

from msgspec import Meta

from .document import Count, Positive, Size, Small
from .scenario import L2
from .text.shareable import share

Sampling = Literal["adaptive", "all"]
Isolation = Literal["op", "point"]
_END = r"$(?!\n)"  # a "$" alone lets a last newline through
RunId = Annotated[str, Meta(pattern=rf"^[A-Za-z0-9._-]{{1,200}}{_END}")]
# A name of an operation names its script and its op file, which thereby stay in the run's folder.
OpName = Annotated[str, Meta(pattern=rf"^[a-z][a-z0-9_]*{_END}")]
OpFile = Annotated[str, Meta(pattern=rf"^ops/[a-z][a-z0-9_]*\.py{_END}")]
PresetFile = Annotated[str, Meta(pattern=rf"^presets/[0-9]{{1,4}}\.toml{_END}")]
# Device and dtype become text of the isolated scripts, which are executed.
DeviceName = Annotated[str, Meta(pattern=rf"^(cpu|cuda:[0-9]{{1,4}}){_END}")]
Dtype = Annotated[str, Meta(pattern=rf"^(float32|bfloat16|float16){_END}")]
BREATH: Final = 5  # visits in a row, no two of them to neighbouring sizes
MOST_OPS: Final = 1000  # a catalogue has tens
SweepCollector = Annotated[str, Meta(pattern=rf"^(cpu|kineto|nsys|ncu){_END}")]


class Role(StrEnum):
    """What a size is measured for: the fit, the verdict on it, or its intervals before the fit."""

    FIT = "fit"
    HOLDOUT = "holdout"
    CALIBRATION = "calibration"


@dataclass(frozen=True, slots=True)
class OpPlan:
    """The sizes of one operation.

    `domain` holds every batch size that may be measured. `first` is measured first; with adaptive
    sampling the sweep then chooses more from the domain. `holdout` was drawn by seed before
    anything was measured and is never given to the fit. Sizes that are both `first` and `holdout`
    get twice as many visits: every other one is held out. `calibration` was drawn likewise: a fit
    without these sizes is judged at them, for the intervals, and then they are given to the fit.
    `source` is the run's copy of the user's file that defines the operation, None for one of the
    catalogue or of a package. `spare_holdout` are more sizes of the hold-out, which are measured
    once the sizes of the fit are chosen, while time is left.

    In a run of several layers, `operation` is the operation's own name where `op`, its name in the
    run, is another, and `preset` the file of the layer where that is not `preset.toml`.
    """

    op: OpName
    curve: str
    domain: tuple[Size, ...]
    first: tuple[Size, ...]
    holdout: tuple[Size, ...]
    source: OpFile | None = None
    calibration: tuple[Size, ...] = ()
    spare_holdout: tuple[Size, ...] = ()
    operation: OpName | None = None
    preset: PresetFile | None = None

    @property
    def planned(self) -> set[int]:
        """Sizes that are measured in any case."""
        return {*self.first, *self.holdout, *self.calibration}

    @property
    def reserved(self) -> set[int]:
        """Sizes whose times do not decide what is measured next.

        If sampling went where they are wrong, the errors there would be no sample of those
        elsewhere.
        """
        return {*self.holdout, *self.spare_holdout, *self.calibration}

    def visits_a_turn(self, tokens: int) -> int:
        """How often a turn visits a size: twice where some visits are held out, else once."""
        return 2 if tokens in self.holdout and tokens in self.first else 1

    def role(self, tokens: int, visit: int) -> Role:
        """What a visit of a size is for, counted from 0."""
        if tokens in self.calibration:
            return Role.CALIBRATION
        if tokens not in self.holdout and tokens not in self.spare_holdout:
            return Role.FIT
        return Role.FIT if tokens in self.first and visit % 2 == 0 else Role.HOLDOUT


@dataclass(frozen=True, slots=True)
class PowerPlan:
    """The power pass: up to `anchors` sizes of each operation, held under a steady load.

    Each is loaded once in each of `blocks` processes, and in `spare_blocks` more while time is left
    in the run.
    """

    anchors: Small
    blocks: Small
    spare_blocks: Small = 0

    @property
    def max_blocks(self) -> int:
        """Maximum number of blocks per operation.

        Runs without reference loads have a block's first size again, as `block + max_blocks`.
        """
        return self.blocks + self.spare_blocks


@dataclass(frozen=True, slots=True)
class Plan:
    """What `moeprof profile` measures; `plan.json` of a run.

    `collectors` run one after the other: at most one that times, and `ncu` for counters.
    `points_per_op` bounds the sizes chosen for the fit, hold-out and calibration not counted.
    `budget_s` bounds the whole run, None for none; `point_timeout_s` bounds one point. `seed` draws
    the hold-out, the calibration sizes and the order. `power` is None where energy is not measured,
    for the `power_reason`. `sm_clock_mhz` and `power_limit_w` are what
    the run sets its GPU to, None where it leaves it. `thermal_step` says whether the thermal
    response is recorded at the end. `preset` and `preset_source` name the layers that are measured,
    several by comma.
    """

    # History, newest first. 1.8: no size is the reference. 1.7: power limits. 1.6: several layers,
    # the spare hold-out. 1.5: a size as reference. 1.4: spare blocks of the power pass. 1.3: the
    # thermal step. 1.2: the power pass, locked clocks. 1.1: calibration sizes. 1.0: the first.
    SCHEMA: ClassVar[str] = "moeprof.plan/1.8"
    WAY_OUT: ClassVar[str] = "restore the plan that `moeprof profile` wrote, or profile anew"

    run_id: RunId
    preset: str
    preset_source: str
    device: DeviceName
    collectors: Annotated[tuple[SweepCollector, ...], Meta(min_length=1)]
    isolation: Isolation
    sampling: Sampling
    dtype: Dtype
    l2: L2
    threads: Size
    seed: int
    points_per_op: Count
    budget_s: Positive | None
    point_timeout_s: Positive
    ops: Annotated[tuple[OpPlan, ...], Meta(max_length=MOST_OPS)]
    power: PowerPlan | None = None
    power_reason: str | None = None
    sm_clock_mhz: Size | None = None
    power_limit_w: Size | None = None
    thermal_step: bool = False

    def __post_init__(self) -> None:
        share(self, "preset_source", "power_reason")
