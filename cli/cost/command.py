"""`moeprof cost`: one look-up, with its interval."""

import re
from pathlib import Path

from ...store.errors import BadInput, shortened
from .. import render
from ..options import DEFAULT_STORE, Json, Store, find_model
from .options import (
    ActiveExperts,
    AllowEstimates,
    BatchSize,
    Breakdown,
    LinkGbPerS,
    MemoryPressure,
    ModelAndOp,
    Routing,
    Shape,
    TopK,
    WeightBits,
    WeightFormat,
)
from .output import answer_data, show_answer

_SHAPE = re.compile(r"\d{1,99}(x\d{1,99})*", re.ASCII)


def cost(
    words: ModelAndOp,
    batch_size: BatchSize,
    shape: Shape = None,
    weight_bits: WeightBits = None,
    weight_format: WeightFormat = None,
    active_experts: ActiveExperts = None,
    top_k: TopK = None,
    routing: Routing = None,
    link_gb_per_s: LinkGbPerS = None,
    memory_pressure: MemoryPressure = None,
    breakdown: Breakdown = False,
    allow_estimates: AllowEstimates = False,
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
    """  # noqa: D301 - the help is not rewrapped below a backspace, and a raw string holds none
    from ...pipeline.answer_verdict import verdicts_on
    from ...pipeline.cost import UNCHECKED, CostQuery, load, look_up, staleness

    *named, op = _at_most_two(words, batch_size)
    path = find_model(Path(named[0]) if named else None, store)
    query = CostQuery(
        op=op,
        batch_size=batch_size,
        shape=None if shape is None else _shape(shape),
        weight_bits=weight_bits,
        weight_format=weight_format,
        active_experts=active_experts,
        top_k=top_k,
        routing=routing,
        link_gb_per_s=link_gb_per_s,
        memory_pressure_ratio=memory_pressure,
        breakdown=breakdown,
        allow_estimates=allow_estimates,
    )
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
        show_answer(found, f"{op} {sizes}".rstrip(), path)
        for verdict in verdicts:
            render.paragraph(verdict.sentence)


def _at_most_two(words: list[str], batch_size: int) -> list[str]:
    """The model and the operation, or the operation alone. Raises BadInput for more words."""
    if len(words) > 2:
        raise BadInput(
            f"{words[2]!r} is one word too many",
            hint=f"moeprof cost {words[0]} {words[1]} --batch-size {batch_size}",
        )
    return words


def _shape(words: str) -> tuple[int, ...]:
    """Read "512x1024" as (512, 1024). Raises BadInput for anything else."""
    if not _SHAPE.fullmatch(words):
        raise BadInput(
            f"{shortened(repr(words))} is no shape", hint="write its sizes with x: 4096x14336"
        )
    return tuple(map(int, words.split("x")))
