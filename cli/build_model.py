"""`moeprof build-model`: tables to `kernel_cost_model.json`."""

from . import render
from .options import DEFAULT_STORE, Json, RunArgument, Store, find_run


def build_model(run: RunArgument = None, store: Store = DEFAULT_STORE, json: Json = False) -> None:
    """Fit the run's points to a cost model. Parses first what is not parsed yet."""
    from ..costmodel.build import build_model as fit
    from ..parsers.run_tables import parse_run, tables_are_current
    from ..store.document import read_document, write_document
    from ..store.provenance import Provenance
    from ..store.recording import sha256_of
    from ..store.tables import read_table

    found = find_run(run, store)
    if not tables_are_current(found):
        for warning in parse_run(found):
            render.warn(warning)
    points_path = found.table("points")
    model = fit(
        read_table(points_path, "points"),
        preset=found.plan().preset,
        provenance=read_document(found.provenance_path, Provenance),
        points_sha256=sha256_of(points_path),
    )
    write_document(found.model_path, model)
    render.say(f"model: {found.model_path}")
    if json:
        render.data({"model": str(found.model_path), "unmeasured": model.unmeasured})
        return
    ops = [curve.op for curve in model.curves]
    render.table(
        "Curves, and the leave-one-out error of their fit in %",
        ["curve", "#from", "#to", "#knots", "fit", "#median", "#p95"],
        [
            [
                curve.op if ops.count(curve.op) == 1 else curve.curve,
                str(curve.domain.first_tokens),
                str(curve.domain.last_tokens),
                str(len(curve.knots_tokens)),
                curve.fit,
                render.percent(curve.error.median),
                render.percent(curve.error.p95),
            ]
            for curve in model.curves
        ],
    )
    for what, reason in model.unmeasured.items():
        render.warn(f"{what} is not in the model: {reason}")
