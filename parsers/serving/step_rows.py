"""Steps of a trace as rows of the table that fits take: one row per step."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...stats.arrays import Float64, Int64
from ...store.serving.serving_row import STEP, ServingRow
from .steps import TracedSteps, step_times

SOURCE: Final = "vllm_step_trace"
FIRST_STEPS: Final = 100  # a run's first steps are dropped (R6 of the design)
MOST_STEPS: Final = 1_000  # by which a run of 3 % of noise is known to 0.1 %
_BLOCK_TOKENS: Final = 16  # vLLM's default on CUDA (vllm/config/cache.py)

WARM_UP: Final = "steps left out: the first 100 of their run"
EMPTY: Final = "steps left out: nothing was scheduled"
UNTIMED: Final = "steps left out: the next one was not traced, or the engine waited for work"
THINNED: Final = "steps left out: as many of their run as tell it are kept, spread over it"
BY_CYCLE: Final = "the time is that from step to step: their durations are the scheduler's alone"
BY_BLOCKS: Final = "the context is that of the blocks in use"
ASSUMED_BLOCKS: Final = "the context is that of the blocks in use, 16 tokens each (assumed)"


@dataclass(frozen=True, slots=True)
class Origin:
    """What is known of a trace besides its steps; by the name of a run where runs differ.

    `digest` names the file, `block_tokens` is the size of a block of the cache, None unknown. At
    most `most_steps` of a run become rows.
    """

    digest: str
    block_tokens: int | None = None
    models: Mapping[str, str] | None = None
    tp: Mapping[str, int] | None = None
    most_steps: int = MOST_STEPS


@dataclass(frozen=True, slots=True)
class StepRows:
    """Rows of steps, and how many steps were left out, by reason."""

    rows: list[ServingRow]
    left_out: dict[str, int]


def step_rows(steps: TracedSteps, origin: Origin) -> StepRows:
    """Make rows of steps that did work, took a known time, and are none of the first of their run.

    `batch` is the number of requests that decode, `ctx` the mean context of all that run.
    """
    times = step_times(steps)
    columns = steps.columns
    scheduled = np.nan_to_num(columns["prefill_tokens"]) + np.nan_to_num(columns["decode_tokens"])
    reasons = np.full(len(steps), "", dtype=object)
    reasons[~(times.step_us > 0)] = UNTIMED
    reasons[scheduled <= 0] = EMPTY
    reasons[columns["step_id"] <= FIRST_STEPS] = WARM_UP
    kept = np.flatnonzero(reasons == "")
    spread = _spread(steps.run, kept, origin.most_steps)
    left_out = Counter(str(reason) for reason in reasons if reason)
    if len(spread) < len(kept):
        left_out[THINNED] = len(kept) - len(spread)
    contexts, by_blocks = _contexts(steps, origin.block_tokens or _BLOCK_TOKENS)
    blocks_note = BY_BLOCKS if origin.block_tokens else ASSUMED_BLOCKS
    rows = []
    for at in map(int, spread):
        run = steps.runs[int(steps.run[at])]
        notes = [BY_CYCLE] * (run in times.cycles) + [blocks_note] * bool(by_blocks[at])
        rows.append(_row(steps, at, times.step_us[at], contexts[at], origin, "; ".join(notes)))
    return StepRows(rows, dict(left_out))


def _row(
    steps: TracedSteps, at: int, step_us: float, context: float, origin: Origin, note: str
) -> ServingRow:
    run = steps.runs[int(steps.run[at])]
    one = {name: float(values[at]) for name, values in steps.columns.items()}
    prefilled = float(np.nan_to_num(one["prefill_tokens"]))
    decoding = one["decode_requests"] if np.isfinite(one["decode_requests"]) else 0.0
    prompt = steps.prompt_tokens[at]
    if np.isnan(prompt) and prefilled and one["prefill_requests"] > 0:
        prompt = prefilled / one["prefill_requests"]
    step_ms = float(step_us) / 1e3
    return ServingRow(
        source=SOURCE,
        row_id=f"{origin.digest}:{run}:{one['step_id']:.0f}",
        model=(origin.models or {}).get(run) or None,
        tp=(origin.tp or {}).get(run),
        engine="vllm",
        batch=decoding,
        batch_kind=STEP,
        isl=_known(prompt),
        ctx=_known(context),
        itl_ms=None if prefilled else step_ms,
        itl_is_step=None if prefilled else True,
        tpot_ms=step_ms,
        pf_tok_s=prefilled / step_ms * 1e3,
        time_s=_known(steps.time_s[at]),
        note=note,
    )


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _spread(run: Float64, kept: Int64, most: int) -> Int64:
    """At most `most` places of each run, evenly over its steps."""
    found = []
    for place in np.unique(run[kept]):
        mine = kept[run[kept] == place]
        count = min(len(mine), most)
        found.append(mine[np.arange(count) * len(mine) // count])
    return np.concatenate(found) if found else kept


def _contexts(steps: TracedSteps, block_tokens: int) -> tuple[Float64, NDArray[np.bool_]]:
    """Mean context of the running requests, and whether it is by the blocks in use.

    Snapshots tell it of each request; else the tokens of the blocks in use are shared out, which
    counts a prefix that requests share but once, and the blocks that finished requests left cached
    not at all.
    """
    columns = steps.columns
    used = columns["kv_ratio"] * columns["kv_blocks"] * block_tokens
    running = np.where(columns["running"] > 0, columns["running"], np.nan)
    by_blocks = np.maximum(used / running, 1.0)
    told = np.isfinite(steps.context_tokens)
    context = np.asarray(np.where(told, steps.context_tokens, by_blocks), dtype=np.float64)
    return context, np.asarray(~told & np.isfinite(by_blocks))
