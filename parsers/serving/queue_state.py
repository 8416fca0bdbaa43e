"""What the engine did when a request was queued: by the last step that was traced before."""

from typing import Final

import numpy as np

from ...stats.arrays import Float64, Int64
from .journeys import Journeys
from .steps import TracedSteps

RECENT_STEPS: Final = 10  # the design's rolling window of preemptions
_STALE_STEPS: Final = 20  # a state is not known by a step that is further back
_STALE_S: Final = 1.0

# Numbers of the queue at the time of queueing; NaN where no step tells.
STATE: Final = ("waiting", "running", "kv_ratio", "recent_preemptions")


def queue_states(journeys: Journeys, steps: TracedSteps) -> dict[str, Float64]:
    """The columns STATE of each request, of shape (n,).

    Steps are found by the number that the event of queueing has, else by the engine's clock. Where
    no step was traced at all, `waiting` counts the requests that were queued and not scheduled,
    which is true if every request was traced; all else is unknown.
    """
    state = {name: np.full(len(journeys), np.nan) for name in STATE}
    if not len(steps):
        state["waiting"] = _waiting_by_journeys(journeys)
        return state
    at = _last_steps(journeys, steps)
    known = at >= 0
    for name in ("waiting", "running", "kv_ratio"):
        state[name][known] = steps.columns[name][at[known]]
    state["recent_preemptions"][known] = _recent_preemptions(steps)[at[known]]
    return state


def _last_steps(journeys: Journeys, steps: TracedSteps) -> Int64:
    """Place of the last step before each request was queued; -1 where none is near enough."""
    found = np.full(len(journeys), -1, dtype=np.int64)
    engines = np.asarray([name.rpartition("#")[0] or name for name in steps.runs])
    queued_s = journeys.columns["queued_ns"] / 1e9
    for place in range(len(steps.runs)):
        rows = np.flatnonzero(steps.run == place)
        mine = np.flatnonzero(
            (np.asarray(journeys.engine) == engines[place]) | (len(set(engines)) == 1)
        )
        start_s = steps.columns["start_ns"][rows] / 1e9
        began_s = start_s[0] if len(start_s) else np.nan
        by_clock = np.searchsorted(start_s, queued_s[mine], side="right") - 1
        by_number = (
            np.searchsorted(
                steps.columns["step_id"][rows], journeys.columns["queued_step"][mine], side="right"
            )
            - 1
        )
        numbered = np.isfinite(journeys.columns["queued_step"][mine])
        chosen = np.where(numbered, by_number, by_clock)
        age_steps = journeys.columns["queued_step"][mine] - steps.columns["step_id"][rows][chosen]
        age_s = queued_s[mine] - start_s[chosen]
        # Numbers begin anew with the engine: the clock says which life a number is of.
        same_life = ~(age_s < -_STALE_S) & ~(queued_s[mine] < began_s - _STALE_S)
        near = np.where(numbered, age_steps <= _STALE_STEPS, np.abs(age_s) <= _STALE_S)
        last = (chosen >= 0) & near & same_life
        found[mine[last]] = rows[chosen[last]]
    return found


def _recent_preemptions(steps: TracedSteps) -> Float64:
    """Requests preempted in the last RECENT_STEPS steps up to each, as far as they were traced."""
    total = np.zeros(len(steps))
    for place in range(len(steps.runs)):
        rows = np.flatnonzero(steps.run == place)
        step_id = steps.columns["step_id"][rows]
        summed = np.concatenate([[0.0], np.cumsum(np.nan_to_num(steps.columns["preempted"][rows]))])
        first = np.searchsorted(step_id, step_id - RECENT_STEPS, side="right")
        total[rows] = summed[1:] - summed[first]
    return total


def _waiting_by_journeys(journeys: Journeys) -> Float64:
    """Requests of the same engine that were queued and not yet scheduled."""
    waiting = np.full(len(journeys), np.nan)
    engines = np.asarray(journeys.engine)
    for engine in np.unique(engines):
        rows = np.flatnonzero(engines == engine)
        queued_s = journeys.columns["queued_ns"][rows] / 1e9
        scheduled_s = queued_s + journeys.columns["wait_us"][rows] / 1e6
        known = np.isfinite(scheduled_s)
        before = np.searchsorted(np.sort(queued_s[known]), queued_s, side="left")
        gone = np.searchsorted(np.sort(scheduled_s[known]), queued_s, side="right")
        waiting[rows] = np.where(np.isfinite(queued_s), np.maximum(before - gone, 0), np.nan)
    return waiting
