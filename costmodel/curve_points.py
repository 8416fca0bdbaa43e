"""The points of a table, checked and grouped by curve; curves with too few have a reason."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from typing import Final

import numpy as np

from ..stats.arrays import Float64, Int64
from ..store.cost_model import ExpertWork, Fit, Work
from ..store.errors import BadInput
from ..store.plan import Role
from ..store.scenario import split_active_experts
from .curve.scores import Scored
from .roofline import fit_work
from .rows import Row, all_rounded, checked_knots
from .surface.fit import can_fit
from .work.expert_work import NOT_ROUTED, Routed, fit_expert_work

_NO_ROWS: Final = "no size for its fit was measured, and a curve needs two"


@dataclass(frozen=True, slots=True)
class CurvePoints:
    """The checked points of one curve, or of one surface, each ascending in tokens.

    The fit passes through `knots`; it is judged at the points `calibration`. `routed` says how
    tokens went to experts, where they did.
    """

    name: str
    knots: list[Row]
    calibration: list[Row]
    routed: Routed | None = None

    @property
    def whole(self) -> "CurvePoints":
        """The same with the calibration points among the knots.

        Raises BadInput as `checked_knots` does.
        """
        knots = checked_knots(self.name, (*self.knots, *self.calibration))
        return replace(self, knots=knots, calibration=[])

    @property
    def is_surface(self) -> bool:
        """Whether the knots have several numbers of active experts."""
        return len({row["active_experts"] for row in self.knots}) > 1

    @property
    def op(self) -> str:
        """Name of the operation."""
        return str(self.knots[0]["op"])

    @property
    def tokens(self) -> Int64:
        """Batch size of each knot, [K]."""
        return np.array([row["tokens"] for row in self.knots], dtype=np.int64)

    @property
    def latency_us(self) -> Float64:
        """Latency at each knot, [K]."""
        return np.array([row["latency_us"] for row in self.knots], dtype=np.float64)

    @property
    def turns_apart(self) -> list[list[float]]:
        """Log ratios of the second repeat to the first, of the knots that have both.

        A list for each curve that was measured by itself: a surface has one for each number of
        active experts.
        """
        found: defaultdict[str, list[float]] = defaultdict(list)
        for row in self.knots:
            if (apart := row.get("turns_apart")) is not None:
                found[row["curve"]].append(apart)
        return list(found.values())

    @property
    def segments(self) -> Int64 | None:
        """A number per knot [K], the same for the same kernels; None where a trace is missing."""
        signatures = [row["signature"] for row in self.knots]
        if None in signatures:
            return None
        numbers = {text: number for number, text in enumerate(dict.fromkeys(signatures))}
        return np.array([numbers[text] for text in signatures], dtype=np.int64)

    @property
    def work(self) -> Work | None:
        """Work of one call; None where it is unknown, or not linear in the batch size."""
        amounts = self._amounts
        work = None if amounts is None else fit_work(self.tokens, *amounts)
        return None if work is None else Work(**all_rounded(asdict(work)))

    @property
    def expert_work(self) -> ExpertWork | None:
        """Work of one call by its active experts; None where it is unknown, or is a line."""
        amounts = self._amounts
        if self.routed is None or amounts is None or self.work is not None:
            return None
        return fit_expert_work(self.tokens, *amounts, self.routed)

    @property
    def _amounts(self) -> tuple[Float64, Float64] | None:
        """FLOPs and bytes at each knot, [K] each; None where any is unknown."""
        if any(row["flops"] is None or row["bytes_moved"] is None for row in self.knots):
            return None
        flops = np.array([row["flops"] for row in self.knots], dtype=np.float64)
        moved = np.array([row["bytes_moved"] for row in self.knots], dtype=np.float64)
        return flops, moved

    @property
    def family(self) -> str:
        """The curves whose fit is chosen together: those that read weights, those that do not.

        Latency has steps at tile edges where weights are read. An operation whose work is
        unknown is a family of its own.
        """
        work = self.work
        if work is None:
            return self.op
        return "weights" if work.bytes_fixed > work.bytes_per_token else "activations"

    def scored(self, fit: Fit) -> Scored:
        """The fit with its knots and calibration points."""
        return Scored(
            fit,
            self.tokens,
            self.latency_us,
            self.segments,
            np.array([row["tokens"] for row in self.calibration], dtype=np.int64),
            np.array([row["latency_us"] for row in self.calibration], dtype=np.float64),
        )


def measured_curves(
    rows: Iterable[Row], routed: Mapping[str, Routed] = NOT_ROUTED
) -> tuple[list[CurvePoints], dict[tuple[str, str], str]]:
    """Group rows by curve; the reasons of those with too few points, by operation and curve.

    `routed` says of curves, by name, how their tokens went to experts. Raises BadInput for a point
    without a curve, and as `checked_knots` does.
    """
    found: list[CurvePoints] = []
    missing: dict[tuple[str, str], str] = {}
    for name, group in groupby(sorted(rows, key=_group_name), key=_group_name):
        whole = list(group)
        curve = replace(_checked_points(name, whole), routed=routed.get(name))
        if len(curve.knots) < 2 or (curve.is_surface and not can_fit(curve.knots)):
            missing[whole[0]["op"], curve.name] = _why_unmeasured(whole, curve)
        else:
            found.append(curve)
    return found, missing


def without_rows(planned: Mapping[str, str], known: Collection[str]) -> dict[tuple[str, str], str]:
    """The reason of each planned curve that is not `known`, by operation and curve.

    `planned` maps curves to operations. A surface is known without its number of active experts.
    """
    return {
        (op, curve): _NO_ROWS
        for curve, op in planned.items()
        if curve not in known and split_active_experts(curve)[0] not in known
    }


def _group_name(row: Row) -> str:
    """Name of the curve, without its number of active experts."""
    if row["curve"] is None:
        raise BadInput(f"a point of {row['op']} at batch size {row['tokens']} names no curve")
    name = str(row["curve"])
    return name if row["active_experts"] is None else split_active_experts(name)[0]


def _checked_points(name: str, rows: Sequence[Row]) -> CurvePoints:
    """The points of a group that did not fail; of one number of experts under the curve's name."""
    if len({row["active_experts"] for row in rows}) == 1:
        name = str(rows[0]["curve"])
    measured = [row for row in rows if row["failure"] is None]
    return CurvePoints(
        name,
        checked_knots(name, (row for row in measured if row["role"] == Role.FIT)),
        checked_knots(name, (row for row in measured if row["role"] == Role.CALIBRATION)),
    )


def _why_unmeasured(rows: Sequence[Row], curve: CurvePoints) -> str:
    """How many points a curve has of how many, and the most frequent failure of the others."""
    if curve.is_surface:
        return f"{len(curve.knots)} points do not span tokens and active experts: it takes six"
    asked = [row for row in rows if row["role"] == Role.FIT]
    failures = Counter(row["failure"] for row in asked if row["failure"] is not None)
    count = f"{len(curve.knots)} of {len(asked)} points measured, and a curve needs two"
    return f"{count}: {failures.most_common(1)[0][0]}" if failures else count
