"""Steps of vLLM's scheduler, as step tracing writes them: the events of spans `scheduler_steps_N`.

`step.BATCH_SUMMARY` tells of one step what it scheduled; `step.REQUEST_SNAPSHOT`, for some steps,
of each running request how far it is (inference-sim/vllm f6ec81c7, vllm/v1/core/sched/scheduler.py,
vllm/tracing.py). There `step.duration_us` is the time that `schedule()` took, on the host: no step
of the GPU is in it. So where the durations of a run are a small part of the time from one step's
start to the next one's, that time is the step's.
"""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import isnan
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...stats.arrays import Float64
from .otlp_objects import Attributes, Span, SpanEvent

SUMMARY: Final = "step.BATCH_SUMMARY"
_SNAPSHOT: Final = "step.REQUEST_SNAPSHOT"
_ID: Final = "step.id"
_IDENTITY: Final = ("service.name", "service.instance.id", "host.name", "k8s.pod.name")
# Columns by attribute: each is a number of one step.
NUMBERS: Final = {
    "step_id": _ID,
    "start_ns": "step.ts_start_ns",
    "end_ns": "step.ts_end_ns",
    "duration_us": "step.duration_us",
    "running": "queue.running_depth",
    "waiting": "queue.waiting_depth",
    "prefill_requests": "batch.num_prefill_reqs",
    "decode_requests": "batch.num_decode_reqs",
    "prefill_tokens": "batch.prefill_tokens",
    "decode_tokens": "batch.decode_tokens",
    "finished": "batch.num_finished",
    "preempted": "batch.num_preempted",
    "kv_ratio": "kv.usage_gpu_ratio",
    "kv_blocks": "kv.blocks_total_gpu",
}
_NAN: Final = float("nan")
_MOST: Final = 1e19  # a Unix time in ns is below it
_WHOLE_STEP: Final = 0.5  # a duration below this share of the time to the next step is none


@dataclass(frozen=True, slots=True)
class TracedSteps:
    """n steps in the order of runs and time; arrays have shape (n,), NaN where unknown.

    `run` is the place in `runs`: one life of one engine. `columns` are the numbers of a summary by
    name; `context_tokens` the mean context of the requests that decode and `prompt_tokens` the mean
    prompt of those that prefill, by snapshots. `time_s` is Unix time.
    """

    runs: tuple[str, ...]
    run: Float64
    time_s: Float64
    columns: dict[str, Float64]
    context_tokens: Float64
    prompt_tokens: Float64

    def __len__(self) -> int:
        """Number of steps."""
        return len(self.run)


@dataclass(slots=True)
class _Snapshots:
    """Sums over the requests of one step."""

    contexts: list[float] = field(default_factory=list)
    prompts: list[float] = field(default_factory=list)


class StepCollector:
    """Takes spans, and gives the steps that they tell of.

    `without_id`: summaries that cannot be placed, and are left out.
    """

    def __init__(self) -> None:
        self.without_id = 0
        self._rows = array("d")  # 8 bytes a number: a trace may have millions of steps
        self._engines: dict[str, int] = {}
        self._snapshots: defaultdict[tuple[int, float], _Snapshots] = defaultdict(_Snapshots)

    def take(self, span: Span) -> None:
        """Take the steps of a span; one without any is passed over."""
        engine = None
        for event in span.events:
            if event.name not in (SUMMARY, _SNAPSHOT):
                continue
            if engine is None:
                engine = self._engines.setdefault(engine_of(span), len(self._engines))
            step = number(event.attributes, _ID)
            if np.isnan(step):
                self.without_id += 1
            elif event.name == SUMMARY:
                self._rows.extend(_row(engine, event))
            else:
                _add(self._snapshots[engine, step], event.attributes)

    def steps(self) -> TracedSteps:
        """All steps, each once, by run and time."""
        names = ("engine", "time_s", *NUMBERS)
        table = np.array(self._rows, dtype=np.float64).reshape(-1, len(names))
        columns = dict(zip(names, table.T, strict=True))
        clock = np.where(
            np.isfinite(columns["start_ns"]), columns["start_ns"] / 1e9, columns["time_s"]
        )
        order = np.lexsort((columns["step_id"], clock, columns["engine"]))
        order = order[_is_new(table[order])]
        columns = {name: values[order] for name, values in columns.items()}
        engine, step_id = columns.pop("engine"), columns["step_id"]
        fresh = np.ones(len(engine), dtype=bool)
        fresh[1:] = (np.diff(engine) != 0) | (np.diff(step_id) <= 0)
        run = np.cumsum(fresh) - 1.0
        engines = list(self._engines)
        names_of_runs = [
            f"{engines[int(engine[at])]}#{count}" for count, at in enumerate(np.flatnonzero(fresh))
        ]
        known = [self._snapshots.get(key) for key in zip(engine, step_id, strict=True)]
        return TracedSteps(
            runs=tuple(names_of_runs),
            run=run,
            time_s=columns.pop("time_s"),
            columns=possible(columns),
            context_tokens=_means(one.contexts if one else () for one in known),
            prompt_tokens=_means(one.prompts if one else () for one in known),
        )


def _is_new(table: Float64) -> NDArray[np.bool_]:
    """Whether each row (n, k) differs from the one before it."""
    new = np.ones(len(table), dtype=bool)
    same = (table[1:] == table[:-1]) | (np.isnan(table[1:]) & np.isnan(table[:-1]))
    new[1:] = ~same.all(axis=1)
    return new


def engine_of(span: Span) -> str:
    """Name of what wrote a span, by its resource."""
    named = (str(span.resource[key]) for key in _IDENTITY if key in span.resource)
    return " ".join(named) or "engine"


def number(attributes: Attributes, *keys: str) -> float:
    """The first of these attributes that is a number of less than 1e19; NaN where none is."""
    for key in keys:
        if not isnan(value := _as_number(attributes.get(key))):
            return value
    return _NAN


def _as_number(value: str | float | None) -> float:
    """A value as a number; NaN where it is none of less than 1e19. A truth is no number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return _NAN
    return float(value) if -_MOST <= value <= _MOST else _NAN


def possible(columns: dict[str, Float64]) -> dict[str, Float64]:
    """The numbers of steps, NaN where one cannot be: below 0, or a share of the cache above 1."""
    most = {"kv_ratio": 1.0}
    return {
        name: np.where((values >= 0) & (values <= most.get(name, _MOST)), values, np.nan)
        for name, values in columns.items()
    }


def _row(engine: int, event: SpanEvent) -> list[float]:
    time_s = _NAN if event.time_ns is None else event.time_ns / 1e9
    found = event.attributes.get
    return [float(engine), time_s, *[_as_number(found(key)) for key in NUMBERS.values()]]


def _add(snapshots: _Snapshots, attributes: Attributes) -> None:
    if str(attributes.get("request.phase", "")).upper() == "DECODE":
        snapshots.contexts.append(number(attributes, "request.num_computed_tokens"))
    else:
        snapshots.prompts.append(number(attributes, "request.num_prompt_tokens"))


def _means(groups: Iterator[Iterable[float]]) -> Float64:
    means = []
    for group in groups:
        some = [value for value in group if np.isfinite(value)]
        means.append(sum(some) / len(some) if some else _NAN)
    return np.asarray(means, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class StepTimes:
    """What each step took, us, NaN where it is not known; and by which clock, run by run.

    `cycles` names the runs whose steps are timed from start to start.
    """

    step_us: Float64
    cycles: frozenset[str]


def step_times(steps: TracedSteps) -> StepTimes:
    """The time of each step: its stated duration, or the time to the start of the next step.

    The latter counts for a run whose durations cover less than half of it, and where no step that
    follows was traced it is unknown; as it is where all requests had ended, and the engine waited.
    """
    duration_us = steps.columns["duration_us"].copy()
    stated = (steps.columns["end_ns"] - steps.columns["start_ns"]) / 1e3
    duration_us = np.where(np.isfinite(duration_us), duration_us, stated)
    cycle_us = _cycles_us(steps)
    step_us, by_cycle = duration_us.copy(), set()
    for place, name in enumerate(steps.runs):
        at = steps.run == place
        both = at & np.isfinite(cycle_us) & np.isfinite(duration_us)
        if not both.any():
            continue
        if np.median(duration_us[both] / cycle_us[both]) < _WHOLE_STEP:
            step_us[at] = cycle_us[at]
            by_cycle.add(name)
    return StepTimes(step_us, frozenset(by_cycle))


def _cycles_us(steps: TracedSteps) -> Float64:
    """Time from each start to the next step's, where that follows and the engine had work."""
    start_ns, step_id = steps.columns["start_ns"], steps.columns["step_id"]
    cycle_us = np.full(len(steps), np.nan)
    if len(steps) < 2:
        return cycle_us
    left = steps.columns["running"][:-1] - np.nan_to_num(steps.columns["finished"][1:])
    works = (left > 0) | (steps.columns["waiting"][:-1] > 0)
    follows = (np.diff(steps.run) == 0) & (np.diff(step_id) == 1) & works
    gap_us = np.diff(start_ns) / 1e3
    cycle_us[:-1] = np.where(follows & (gap_us > 0), gap_us, np.nan)
    return cycle_us
