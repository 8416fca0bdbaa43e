"""Slopes of a configuration's line at which its step still grows with requests, context, prompts.

A line multiplies the step of the fit of all rows by a power of each of these. Where that step grows
by a smaller power than the line falls by, a longer prompt would shorten the step.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import Final

import numpy as np
from scipy.optimize import lsq_linear

from ..features.steps import Array, Steps
from ..rows.serving_rows import Places, ServingRows
from .calibration import Spread, lines_of
from .conditions import Conditions
from .forms import Predict

_PLACES: Final = (0.0, 0.5, 1.0)  # where a range is tried, as a share of its logarithm
_STEP: Final = 1.02  # by how much one of three conditions is larger
_JITTER: Final = 1e-9


def least_slopes(
    rows: ServingRows, groups: Mapping[str, Places], pooled_us: Predict
) -> dict[str, Array]:
    """The least slopes (3,) of a line of each group of rows, by its name.

    They are asked for over the range of the group, with its prompts and without any. A condition
    that does not differ within it, as prompts of steps that decode alone, has none: -inf.
    """
    grids = [_grid(rows.steps.taken(at)) for at in groups.values()]
    which = np.repeat([at[0] for at in groups.values()], [len(one.running) for one in grids])
    steps = _joined(grids)
    plain = replace(rows.taken(which), steps=steps, version=np.full(len(which), ""))
    log_us, lines = np.log(pooled_us(plain)), lines_of(steps)
    bounds = np.full((len(which), 3), -np.inf)
    for at, larger in enumerate(_larger(steps)):
        moved = lines_of(larger)[:, at + 1] - lines[:, at + 1]
        grown = np.log(pooled_us(replace(plain, steps=larger))) - log_us
        np.divide(-grown, moved, out=bounds[:, at], where=moved > _JITTER)
    ends = np.cumsum([0, *(len(one.running) for one in grids)])
    return {
        name: np.minimum(bounds[first:last].max(axis=0), 0.0)
        for name, first, last in zip(groups, ends, ends[1:], strict=False)
    }


def bounded_line(spread: Spread, lines: Array, ratios: Array, least: Array) -> Array:
    """The likeliest line (4,) given its points, (n, 4) and (n,), of `least` slopes (3,)."""
    line, _ = spread.posterior(lines, ratios)
    if (line[1:] >= least).all():
        return line
    variance = spread.covariance + _JITTER * np.trace(spread.covariance) * np.eye(len(line))
    prior = np.linalg.inv(np.linalg.cholesky(variance))
    sides = np.vstack([lines / np.sqrt(spread.noise), prior])
    wanted = np.concatenate([ratios / np.sqrt(spread.noise), np.zeros(len(line))])
    bounds = (np.concatenate([[-np.inf], least]), np.full(len(line), np.inf))
    return np.asarray(lsq_linear(sides, wanted, bounds).x)


def _grid(steps: Steps) -> Steps:
    """Steps over the range of others, with the length of their prompts, and without any."""
    ranges = Conditions.of(steps).ranges()
    logs = [np.log(np.maximum(one, 1e-3)) for one in ranges]
    places = np.exp([[low + (high - low) * at for at in _PLACES] for low, high in logs])
    running, context, prefill = np.asarray(list(product(*places))).T
    prompt = float(np.median(steps.prompt_tokens))
    tokens = running * prefill if prompt > 0 else np.zeros(len(running))
    share = np.minimum(1.0, tokens / prompt) if prompt > 0 else tokens
    with_prompts = Steps(running, context, tokens, np.full(len(running), prompt), share)
    return _joined([with_prompts, Steps.decode(running, context)])


def _larger(steps: Steps) -> Iterator[Steps]:
    """The steps with more requests, a longer context, and longer prompts."""
    tokens = _STEP * steps.prefill_tokens
    share = np.minimum(1.0, _STEP * steps.prefill_share)
    more = replace(steps, prefill_tokens=tokens, prefill_share=share)
    yield replace(more, running=_STEP * steps.running)
    yield replace(steps, context_tokens=_STEP * steps.context_tokens)
    yield replace(steps, prefill_tokens=tokens, prompt_tokens=_STEP * steps.prompt_tokens)


def _joined(parts: list[Steps]) -> Steps:
    names = ("running", "context_tokens", "prefill_tokens", "prompt_tokens", "prefill_share")
    return Steps(*(np.concatenate([getattr(one, name) for one in parts]) for name in names))
