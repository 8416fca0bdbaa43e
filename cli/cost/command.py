"""`moeprof cost`: one look-up, with its interval."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from ...store.errors import BadInput, shortened
from .. import render
from ..options import DEFAULT_STORE, Json, Store, find_model
from .best import show_best
from .options import (
    ActiveExperts,
    AllowEstimates,
    BatchSize,
    Best,
    Breakdown,
    BudgetW,
    LinkGbPerS,
    MemoryPressure,
    ModelAndOp,
    RoutedBy,
    Routing,
    Shape,
    TopK,
    WeightBits,
    WeightFormat,
    WithinUs,
)
from .output import answer_data, show_answer

if TYPE_CHECKING:
    from ...pipeline.cost import CostQuery

_SHAPE = re.compile(r"\d{1,99}(x\d{1,99})*", re.ASCII)


def cost(
    words: ModelAndOp,
    batch_size: BatchSize = None,
    shape: Shape = None,
    weight_bits: WeightBits = None,
    weight_format: WeightFormat = None,
    active_experts: ActiveExperts = None,
    top_k: TopK = None,
    routing: Routing = None,
    routed_by: RoutedBy = None,
    link_gb_per_s: LinkGbPerS = None,
    memory_pressure: MemoryPressure = None,
    breakdown: Breakdown = False,
    allow_estimates: AllowEstimates = False,
    best: Best = None,
    budget_w: BudgetW = None,
    within_us: WithinUs = None,
    store: Store = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """Look up what one call costs.

    OP is an operation or a curve, as `moeprof show` lists them, or `layer`: the parts of a layer
    that was measured by `profile --ops layer`, and what it takes beside their sum. In a model
    without one: topk, then fc1, gelu and fc2 on the tokens of each active expert, which needs
    --top-k and --active-experts. An operation called layer goes first.

    \b
    moeprof cost fc1 --batch-size 37
    moeprof cost layer --batch-size 64 --routing zipf:1.2
    moeprof cost RUN RUN layer --best tokens-per-joule --within-us 500
    """  # noqa: D301 - the help is not rewrapped below a backspace, and a raw string holds none
    from ...pipeline.cost import CostQuery

    *named, op = words
    query = CostQuery(
        op=op,
        batch_size=1 if batch_size is None else batch_size,
        shape=None if shape is None else _shape(shape),
        weight_bits=weight_bits,
        weight_format=weight_format,
        active_experts=active_experts,
        top_k=top_k,
        routing=routing,
        routed_by=routed_by,
        link_gb_per_s=link_gb_per_s,
        memory_pressure_ratio=memory_pressure,
        breakdown=breakdown,
        allow_estimates=allow_estimates,
    )
    if best is not None:
        models = [find_model(Path(one), store) for one in named] or [find_model(None, store)]
        show_best(models, query, best, (budget_w, within_us), batch_size is None, json)
        return
    _check_one_look_up(words, batch_size, budget_w, within_us)
    _look_up(find_model(Path(named[0]) if named else None, store), query, json)


def _look_up(path: Path, query: "CostQuery", json: bool) -> None:
    from ...pipeline.answer_verdict import verdicts_on
    from ...pipeline.cost import UNCHECKED, load, look_up, staleness

    loaded = load(path)
    found = look_up(loaded, query)
    if (stale := staleness(path, loaded)) is not None:
        render.warn(stale)
    verdicts = verdicts_on(path, loaded.file, query, found)
    if json:
        render.data({"model": str(path), **answer_data(found, verdicts)})
    else:
        unchecked = "" if loaded.file.sha256 else f" ({UNCHECKED})"
        render.say(f"model: {path}{unchecked}")
        sizes = "x".join(map(str, query.shape or ()))
        show_answer(found, f"{query.op} {sizes}".rstrip(), path)
        for verdict in verdicts:
            render.paragraph(verdict.sentence)


def _check_one_look_up(
    words: list[str], batch_size: int | None, budget_w: float | None, within_us: float | None
) -> None:
    """Raise BadInput for what only --best takes, and without a batch size."""
    if batch_size is None:
        raise BadInput("--batch-size is missing", hint="moeprof cost [MODEL] OP --batch-size 64")
    if len(words) > 2:
        raise BadInput(
            f"{words[2]!r} is one word too many",
            hint="moeprof cost [MODEL] OP --batch-size N; --best takes several models",
        )
    for option, value in (("--budget-w", budget_w), ("--within-us", within_us)):
        if value is not None:
            raise BadInput(
                f"{option} was given without --best",
                hint="moeprof cost layer --best tokens-per-joule",
            )


def _shape(words: str) -> tuple[int, ...]:
    """Read "512x1024" as (512, 1024). Raises BadInput for anything else."""
    if not _SHAPE.fullmatch(words):
        raise BadInput(
            f"{shortened(repr(words))} is no shape", hint="write its sizes with x: 4096x14336"
        )
    return tuple(map(int, words.split("x")))
