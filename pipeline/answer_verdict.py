"""What validations concluded on the very answer of a look-up: its curve, at sizes like its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from ..costmodel.breakdown import CostBreakdown
from ..costmodel.cost import Cost
from ..costmodel.layer.cost import LayerCost
from ..costmodel.weights import WeightChoice
from ..store.cost_model import CostModelFile, CurveModel, SurfaceModel
from ..store.document import read_document
from ..store.percent import percent
from ..store.scenario import split_active_experts
from ..store.verdicts.history import readable_verdicts
from ..store.verdicts.parts import Outcome
from ..store.verdicts.verdict import ANOTHER_MODEL, CurveVerdict, Validation
from .cost import CostQuery


@dataclass(frozen=True, slots=True)
class AnswerVerdict:
    """A verdict on the latency of one curve in the band of batch sizes that an answer lies in.

    `outcome` is that of the band from `first_tokens` to `last_tokens` (None: no upper end), in
    which `n` sizes were compared, with the median and the worst relative error and their limits;
    `n_disturbed` of them while the machine was not quiet. `reasons` say what keeps it from PASS.
    `curve_outcome` is that over all sizes. Verdicts of files before 1.3 know no band: `outcome`,
    `n` and the errors are then over all sizes, and `first_tokens` is None. `on_this_model` is
    False where the verdict is on an earlier model.
    """

    against: str
    outcome: Outcome
    curve_outcome: Outcome
    first_tokens: int | None
    last_tokens: int | None
    n: int
    median_error: float | None
    median_limit: float
    worst_error: float | None
    worst_limit: float | None
    validated_utc: str | None
    on_this_model: bool
    reasons: tuple[str, ...] = ()
    n_disturbed: int = 0

    @property
    def sentence(self) -> str:
        """The verdict in one sentence."""
        day = "an unknown day" if self.validated_utc is None else self.validated_utc[:10]
        where = f"against {self.against} on {day}"
        parts = [f"validated{self._where}: {self.outcome} {where}: {self._errors}", *self.reasons]
        if not self.n:
            parts = [f"not validated{self._where}: none of them was compared {where}"]
        if self.n_disturbed:
            parts.append(f"{self.n_disturbed} of {self.n} measured while the machine was not quiet")
        if self.first_tokens is None:
            parts.append("by the median alone, in an earlier moeprof: `moeprof validate` says more")
        elif self.curve_outcome is not self.outcome:
            parts.append(f"over all sizes: {self.curve_outcome}")
        if not self.on_this_model:
            parts.append(ANOTHER_MODEL)
        return "; ".join(parts)

    @property
    def _where(self) -> str:
        if self.first_tokens is None:
            return ""
        end = "up" if self.last_tokens is None else f"to {self.last_tokens}"
        return f" at sizes from {self.first_tokens} {end}"

    @property
    def _errors(self) -> str:
        sizes = "1 size" if self.n == 1 else f"{self.n} sizes"
        told = f"median error {_pct(self.median_error, self.median_limit)}"
        if self.worst_limit is not None:
            told += f", worst {_pct(self.worst_error, self.worst_limit)}"
        return f"{told}, of {sizes}"


def verdicts_on(
    path: Path, file: CostModelFile, query: CostQuery, found: Cost | CostBreakdown | LayerCost
) -> tuple[AnswerVerdict, ...]:
    """Find the verdicts on an answer to `query`, in the validations beside the model at `path`.

    Of each comparison: the newest verdict on this model under each limit, the strictest first, or
    else the newest on an earlier model. None on a layer, which no one measured as a whole, nor on a
    cost that was extrapolated, transferred or estimated. Raises BadInput where a validation cannot
    be read.
    """
    cost = found.cost if isinstance(found, CostBreakdown) else found
    if isinstance(cost, LayerCost) or cost.extrapolated or cost.transferred or cost.estimated:
        return ()
    return tuple(_all(path, file, query, cost.tokens))


def _all(path: Path, file: CostModelFile, query: CostQuery, tokens: int) -> Iterator[AnswerVerdict]:
    names = _names(file, query)
    for verdict in _present(path, file):
        for curve in verdict.curves:
            if curve.metric == "latency" and split_active_experts(curve.curve) in names:
                answer = _answer(verdict, curve, tokens, verdict.is_on(file.sha256))
                yield from () if answer is None else (answer,)


def _present(path: Path, file: CostModelFile) -> Iterator[Validation]:
    """The verdicts that are shown, of each comparison whose verdict lies beside a model."""
    for present in sorted(path.parent.glob("validation*.json")):
        read_document(present, Validation)  # refuses what readable_verdicts would leave out
        yield from _chosen(readable_verdicts(present), file)


def _chosen(verdicts: Sequence[Validation], file: CostModelFile) -> list[Validation]:
    """The newest verdict on this model under each limit, by limit; else the newest of all."""
    by_limit = {one.strictest: one for one in verdicts if one.is_on(file.sha256)}
    return [by_limit[limit] for limit in sorted(by_limit)] or list(verdicts[-1:])


def _names(file: CostModelFile, query: CostQuery) -> set[tuple[str, int | None]]:
    """The names of the curves that can answer a query, with the number of active experts."""
    op, experts = split_active_experts(query.op)
    experts = query.active_experts or experts
    curves = {
        split_active_experts(curve.curve)
        for curve in file.curves
        if query.op in (curve.op, curve.curve)
        and _is_asked(curve, query)
        and query.active_experts in (None, curve.active_experts)
    }
    surfaces = {
        (surface.surface, experts)
        for surface in file.surfaces
        if op in (surface.op, surface.surface) and _is_asked(surface, query)
    }
    return curves | surfaces


def _is_asked(fitted: CurveModel | SurfaceModel, query: CostQuery) -> bool:
    """Whether a curve or surface has the shape and the bits of weights of a query."""
    has_shape = query.shape is None or fitted.shape == tuple(query.shape)
    return has_shape and WeightChoice(query.weight_bits, query.weight_format).fits(fitted)


def _answer(
    verdict: Validation, curve: CurveVerdict, tokens: int, on_this_model: bool
) -> AnswerVerdict | None:
    """Take a verdict to an answer at `tokens`; None where no band of it holds that size."""
    over_all = AnswerVerdict(
        against=PurePath(verdict.against).name,
        outcome=curve.outcome,
        curve_outcome=curve.outcome,
        first_tokens=None,
        last_tokens=None,
        n=curve.n,
        median_error=curve.median,
        median_limit=curve.limit,
        worst_error=curve.max,
        worst_limit=None,
        validated_utc=verdict.validated_utc,
        on_this_model=on_this_model,
        reasons=tuple(found.reason for found in curve.findings),
        n_disturbed=sum(point.disturbed for point in curve.points),
    )
    if curve.limits is None:
        return over_all
    band = next((one for one in curve.bands if tokens in one), None)
    if band is None:
        return None
    inside = [point for point in curve.points if point.tokens in band]
    return replace(
        over_all,
        outcome=band.outcome,
        first_tokens=band.first,
        last_tokens=band.last,
        n=band.n,
        median_error=band.median,
        median_limit=curve.limits.band,
        worst_error=band.worst,
        worst_limit=curve.limits.worst,
        reasons=tuple(found.reason for found in band.findings),
        n_disturbed=sum(point.disturbed for point in inside),
    )


def _pct(error: float | None, limit: float) -> str:
    return f"{percent(error or 0.0)} % (limit {100 * limit:.4g} %)"
