"""Delays of one deployment for a simulator: plain numbers, a few microseconds a call.

    delays = Delays.of(file.queue, served)
    delays.queue_us(Request(prompt_tokens=512), QueueState(waiting=3, kv_ratio=0.8))
    delays.token_us(context_tokens=700)

A simulator that has a queue of its own, and steps by `step_us`, takes `arrival_us` alone and
`delivery_us`: waiting then comes of its queue, and the time between tokens of its steps.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

import numpy as np

from ....store.errors import BadInput
from ....store.serving.queue_model import DelayFit, QueueModel
from ..features.deployment import Deployment
from .delay_columns import delivery_columns, threshold_name, token_columns
from .journeys import kv_read_us

_MOST: Final = 1e9  # tokens, or requests
_KNOTS: Final = 65  # contexts of the table of read times, which is a line but for windows


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrives."""

    prompt_tokens: float


@dataclass(frozen=True, slots=True)
class QueueState:
    """The engine as a request arrives.

    `waiting` requests stand in its queue, `running` ones run, `kv_ratio` is the share of its cache
    in use, and `recent_preemptions` requests were preempted in its last ten steps.
    """

    waiting: float = 0.0
    running: float = 0.0
    kv_ratio: float = 0.0
    recent_preemptions: float = 0.0


@dataclass(frozen=True, slots=True)
class _QueueForm:
    """Sum of the columns of `queue_columns`, with what each is multiplied by."""

    constant_us: float
    prompt_us: float
    waiting_us: float
    preemption_us: float
    above: tuple[tuple[float, float], ...]

    @classmethod
    def of(cls, fits: Sequence[DelayFit], thresholds: Sequence[float]) -> Self:
        """The sum of several delays."""
        total: defaultdict[str, float] = defaultdict(float)
        for fit in fits:
            for name, value in fit.coefficients.items():
                total[name] += value
        return cls(
            total["requests"],
            total["prompt_tokens"],
            total["waiting"],
            total["recent_preemptions"],
            tuple((threshold, total[threshold_name(threshold)]) for threshold in thresholds),
        )

    def delay_us(self, request: Request, state: QueueState) -> float:
        prompt, waiting = request.prompt_tokens, state.waiting
        kv_ratio, preempted = state.kv_ratio, state.recent_preemptions
        _check(prompt, waiting, kv_ratio, preempted)
        delay_us = (
            self.constant_us
            + self.prompt_us * prompt
            + self.waiting_us * waiting
            + self.preemption_us * preempted
        )
        for threshold, each_us in self.above:
            if kv_ratio > threshold:
                delay_us += each_us * (kv_ratio - threshold)
        return delay_us


@dataclass(frozen=True, slots=True)
class Delays:
    """The fitted delays of one deployment; each method raises BadInput where none was fitted."""

    model: QueueModel
    _queues: Mapping[str, _QueueForm] = field(repr=False)
    _contexts: tuple[float, ...] = field(repr=False)
    _read_us: tuple[float, ...] = field(repr=False)

    @classmethod
    def of(cls, model: QueueModel | None, served: Deployment) -> Self:
        """Prepare the delays. Raises BadInput for a file without any."""
        if model is None:
            raise BadInput(
                "the model has no delays of requests",
                hint="read traces with journeys of requests, and fit anew",
            )
        contexts = np.concatenate([[0.0], np.geomspace(1, _MOST, _KNOTS)])
        bends = [float(at) for at in (served.model.window_tokens, served.model.sparse_tokens) if at]
        contexts = np.unique([*contexts, *bends])
        read_us = kv_read_us(served, contexts)
        fits = {"arrival": model.arrival, "wait": model.wait}
        told = {name: [fit] for name, fit in fits.items() if fit is not None}
        if told:
            told["queue"] = [fit for one in told.values() for fit in one]
        queues = {name: _QueueForm.of(some, model.kv_thresholds) for name, some in told.items()}
        return cls(model, queues, tuple(map(float, contexts)), tuple(map(float, read_us)))

    def arrival_us(self, request: Request, state: QueueState) -> float:
        """From the arrival of a request to its queueing."""
        return self._queue("arrival").delay_us(request, state)

    def wait_us(self, request: Request, state: QueueState) -> float:
        """From queueing to scheduling."""
        return self._queue("wait").delay_us(request, state)

    def queue_us(self, request: Request, state: QueueState) -> float:
        """From arrival to scheduling: the sum of the delays that were fitted."""
        return self._queue("queue").delay_us(request, state)

    def token_us(self, context_tokens: float) -> float:
        """The time between two tokens of a request of this context, which holds the step."""
        if self.model.token is None:
            raise self._none("token")
        _check(context_tokens)
        return _sum(self.model.token, token_columns(self._reading_us(context_tokens)))

    def delivery_us(self, state: QueueState) -> float:
        """From a token of the engine to the server's response."""
        if self.model.delivery is None:
            raise self._none("delivery")
        _check(state.running)
        return _sum(self.model.delivery, delivery_columns(float(state.running)))

    def _queue(self, name: str) -> _QueueForm:
        if (form := self._queues.get(name)) is None:
            raise self._none("wait" if name == "queue" else name)
        return form

    def _reading_us(self, context_tokens: float) -> float:
        """Time to read the context, on the line between two knots of the table."""
        above = max(1, bisect_left(self._contexts, context_tokens))
        low, high = self._contexts[above - 1], self._contexts[above]
        share = (context_tokens - low) / (high - low)
        return self._read_us[above - 1] * (1 - share) + self._read_us[above] * share

    def _none(self, name: str) -> BadInput:
        why = self.model.missing.get(name, "no journey tells it")
        return BadInput(
            f"the model has no {name} delay: {why}",
            hint="trace both spans of requests, from their arrival on (docs/steptime.md, Traces)",
        )


def _sum(fit: DelayFit, columns: dict[str, float]) -> float:
    return sum(value * columns[name] for name, value in fit.coefficients.items())


def _check(*values: float) -> None:
    for value in values:
        if not 0 <= value <= _MOST:  # refuses NaN too
            raise BadInput(
                f"{value:g} is no number of tokens or requests, or share of a cache",
                hint=f"give numbers of 0 to {_MOST:g}",
            )
