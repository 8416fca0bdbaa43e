"""The content of a report, read from a run folder and sorted by curve."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any, Final

import numpy as np

from ..costmodel.cost import Cost
from ..costmodel.freshness import why_stale
from ..costmodel.layer.cost import LayerCost
from ..costmodel.layer.over_sizes import over_sizes
from ..costmodel.model import KernelCostModel
from ..store.cost_model import CostModelFile, CurveModel, Domain
from ..store.document import read_document
from ..store.fitted_runs import LayerSizes
from ..store.plan import Plan
from ..store.provenance import Provenance
from ..store.recorded.sources import INCOMPLETE
from ..store.run import Run
from ..store.scenario import split_active_experts
from ..store.tables.parquet import read_table
from ..store.tables.table_set import sources_of
from ..store.verdicts.history import readable_verdicts
from ..store.verdicts.verdict import CurveVerdict, Validation

Row = dict[str, Any]  # a row of the table `points`, by column

HOLDOUT: Final = "holdout"  # `Validation.against` of the run's own held-out points
_LAYER_SIZES: Final = 10
_MAX_DRAWN_SIZES: Final = 4096  # summed over all curves; limits the size of the page


@dataclass(frozen=True, slots=True)
class Curve:
    """One curve: its points, ascending in tokens, with its model, verdicts and predictions.

    `model` is None where there is no model or the curve is not in it. `costs` maps batch sizes
    within the model's domain to predictions: every size, or, where those are too many to draw,
    logarithmically spaced sizes and each measured one. `on_surface`: the model has no such curve,
    but a surface over active experts that was fitted to its points.
    """

    slug: str
    op: str
    points: tuple[Row, ...]
    model: CurveModel | None
    verdicts: tuple[CurveVerdict, ...]
    costs: dict[int, Cost]
    on_surface: bool = False

    @property
    def measured(self) -> list[Row]:
        """Points with a latency."""
        return [row for row in self.points if is_measured(row)]

    @property
    def failed(self) -> list[Row]:
        """Points without a latency."""
        return [row for row in self.points if not is_measured(row)]


@dataclass(frozen=True, slots=True)
class Contents:
    """The files of a run that a report shows; `model` is None where it was not built yet.

    `validations` has the one against the run's own holdout first, then those against other
    measurements; `earlier` maps what they are against to the verdicts before them, oldest first.
    `layers` holds each layer of gated experts of the model with its cost over batch size. `stale`
    says why the model may be older than the run, None where it is not;
    `tables_are_stale`: the tables were made from other recordings than the run holds.
    """

    plan: Plan
    provenance: Provenance
    model: CostModelFile | None
    stale: str | None
    tables_are_stale: bool
    validations: tuple[Validation, ...]
    earlier: dict[str, tuple[Validation, ...]]
    curves: tuple[Curve, ...]
    layers: tuple[tuple[LayerSizes, tuple[LayerCost, ...]], ...] = ()

    @property
    def validation(self) -> Validation | None:
        """The validation against the run's own holdout."""
        return next((one for one in self.validations if one.against == HOLDOUT), None)

    @property
    def points(self) -> list[Row]:
        """Points of all curves."""
        return [row for curve in self.curves for row in curve.points]

    @property
    def names(self) -> dict[str, str]:
        """Name of each curve by slug: its operation, or the slug where that has several curves."""
        ops = [curve.op for curve in self.curves]
        return {c.slug: c.op if ops.count(c.op) == 1 else c.slug for c in self.curves}


def is_measured(row: Row) -> bool:
    """Whether a point has a latency that a chart can show."""
    latency_us = row["latency_us"]
    return latency_us is not None and isfinite(latency_us) and latency_us > 0


def read_contents(run: Run) -> Contents:
    """Read the content of a report from `run`.

    Raises BadInput where the plan, the provenance or the points are missing, or where any file is
    not valid.
    """
    plan = run.plan()
    provenance = read_document(run.provenance_path, Provenance)
    rows: list[Row] = read_table(run.table("points"), "points").to_pylist()
    model = KernelCostModel.load(run.model_path) if run.model_path.is_file() else None
    others = sorted(run.folder.glob(f"{run.validation_path.stem}-*.json"))
    paths = [path for path in (run.validation_path, *others) if path.is_file()]
    validations = tuple(read_document(path, Validation) for path in paths)
    before = [tuple(readable_verdicts(path)[:-1]) for path in paths]
    return Contents(
        plan=plan,
        provenance=provenance,
        model=None if model is None else model.file,
        stale=None if model is None else why_stale(run.model_path, model.file),
        tables_are_stale=_tables_are_stale(run),
        validations=validations,
        earlier={one.against: kept for one, kept in zip(validations, before, strict=True)},
        curves=_curves(
            plan,
            rows,
            model,
            [verdict for one in validations if one.against == HOLDOUT for verdict in one.curves],
        ),
        layers=() if model is None else over_sizes(model.file, _LAYER_SIZES),
    )


def _tables_are_stale(run: Run) -> bool:
    sources_sha256 = run.sources_sha256()
    return sources_of(run.tables) not in (sources_sha256, sources_sha256 + INCOMPLETE)


def _curves(
    plan: Plan,
    rows: Sequence[Row],
    model: KernelCostModel | None,
    verdicts: Sequence[CurveVerdict],
) -> tuple[Curve, ...]:
    """Curves in the order of the plan, then those that are only in the points or the model."""
    ops = {op_plan.curve: op_plan.op for op_plan in plan.ops}
    ops |= {row["curve"]: row["op"] for row in rows}
    ops |= {} if model is None else {curve.curve: curve.op for curve in model.curves}
    limit = _MAX_DRAWN_SIZES // max(1, len(ops))
    curves = []
    for slug, op in ops.items():
        points = sorted((row for row in rows if row["curve"] == slug), key=_tokens)
        curve = Curve(
            slug=slug,
            op=op,
            points=tuple(points),
            model=None,
            verdicts=tuple(verdict for verdict in verdicts if verdict.curve == slug),
            costs={},
        )
        curves.append(curve if model is None else _with_model(curve, model, limit))
    return tuple(curves)


def _with_model(curve: Curve, model: KernelCostModel, limit: int) -> Curve:
    """Add the curve's model, or that of its surface, and predictions at about `limit` sizes."""
    fitted = next((one for one in model.curves if one.curve == curve.slug), None)
    on_surface = _domain_on_surface(curve.slug, model, curve.points)
    domain = on_surface if fitted is None else fitted.domain
    return replace(
        curve,
        model=fitted,
        costs=_costs(model, curve.slug, domain, curve.points, limit) if domain else {},
        on_surface=fitted is None and on_surface is not None,
    )


def _tokens(row: Row) -> int:
    return int(row["tokens"])


def _costs(
    model: KernelCostModel, slug: str, domain: Domain, points: Sequence[Row], limit: int
) -> dict[int, Cost]:
    """Costs at all sizes of a domain, or at about `limit` sizes, spaced logarithmically."""
    first, last = domain.first_tokens, domain.last_tokens
    if last - first < limit:
        sizes = set(range(first, last + 1))
    else:
        sizes = set(np.geomspace(first, last, limit).round().astype(int).tolist())
    sizes |= {_tokens(row) for row in points if first <= _tokens(row) <= last}
    return {size: model.get_cost(slug, size) for size in sorted(sizes)}


def _domain_on_surface(slug: str, model: KernelCostModel, points: Sequence[Row]) -> Domain | None:
    """Domain of a curve that is part of a surface; None where it is not."""
    surface, active_experts = split_active_experts(slug)
    if active_experts is None or surface not in {one.surface for one in model.file.surfaces}:
        return None
    return Domain(_tokens(points[0]), _tokens(points[-1])) if points else None
