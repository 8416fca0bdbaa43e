"""Rows of mean steps from journeys of requests, where no step was traced.

A window of time has the requests that decode in it, in the mean, and the tokens that they made: by
Little's law a token takes requests x time / tokens. It holds for every request that was traced, so
that the batch is right only if all were.
"""

from itertools import pairwise
from typing import Final

import numpy as np

from ...stats.arrays import Float64
from ...store.serving.serving_row import LITTLES_LAW, ServingRow
from .journeys import Journeys

SOURCE: Final = "vllm_request_spans"
ALL_TRACED: Final = "the batch counts the requests that were traced: right if all were"
_WINDOWS: Final = 20
_EDGE: Final = 0.1  # share of the time at either end
_FEWEST_TOKENS: Final = 200.0  # a window holds so many at least


def request_rows(journeys: Journeys, digest: str) -> list[ServingRow]:
    """Rows of the windows of each engine in which requests decoded; none of a preempted request.

    The first and the last tenth of the time are left out, in which the server fills and drains.
    """
    rows = []
    for engine in dict.fromkeys(journeys.engine):
        at = np.flatnonzero(np.asarray(journeys.engine) == engine)
        mine = {name: values[at] for name, values in journeys.columns.items()}
        whole = np.isfinite(mine["token_us"]) & np.isfinite(mine["prompt_tokens"])
        whole &= np.isfinite(mine["time_s"])
        mine = {name: values[whole] for name, values in mine.items()}
        paused_s = journeys.columns["time_s"][at][journeys.columns["preemptions"][at] > 0]
        if len(mine["time_s"]):
            rows += _rows_of(mine, paused_s, f"{digest}:{engine}")
    return rows


def _rows_of(mine: dict[str, Float64], paused_s: Float64, name: str) -> list[ServingRow]:
    delays_us = [np.nan_to_num(mine[key]) for key in ("arrival_us", "wait_us", "prefill_us")]
    first_s = mine["time_s"] + np.sum(delays_us, axis=0) / 1e6
    token_s, output = mine["token_us"] / 1e6, mine["output_tokens"]
    last_s = first_s + token_s * (output - 1)
    began_s, passed_s = float(first_s.min()), float(np.ptp([first_s.min(), last_s.max()]))
    edges = np.linspace(began_s + _EDGE * passed_s, began_s + (1 - _EDGE) * passed_s, _WINDOWS + 1)
    rows = []
    for begin, end in pairwise(map(float, edges)):
        inside_s = np.clip(np.minimum(last_s, end) - np.maximum(first_s, begin), 0, None)
        tokens = inside_s / token_s
        was_paused = bool(((paused_s >= begin) & (paused_s <= end)).any())
        if tokens.sum() < _FEWEST_TOKENS or was_paused or not end > begin:
            continue
        middle_s = np.clip(
            (np.maximum(first_s, begin) + np.minimum(last_s, end)) / 2, first_s, None
        )
        context = mine["prompt_tokens"] + (middle_s - first_s) / token_s
        began = (first_s >= begin) & (first_s < end)
        rows.append(
            ServingRow(
                source=SOURCE,
                row_id=f"{name}:{begin:.3f}",
                engine="vllm",
                batch=float(inside_s.sum() / (end - begin)),
                batch_kind=LITTLES_LAW,
                isl=float(np.average(mine["prompt_tokens"], weights=inside_s)),
                osl=float(np.average(output, weights=inside_s)),
                ctx=float(np.average(context, weights=inside_s)),
                tpot_ms=float(1e3 * inside_s.sum() / tokens.sum()),
                tput_tok_s=float(tokens.sum() / (end - begin)),
                pf_tok_s=float(mine["prompt_tokens"][began].sum() / (end - begin)),
                time_s=float(begin),
                note=ALL_TRACED,
            )
        )
    return rows
