"""Journeys of requests through vLLM, from the events of their spans.

Journey tracing writes two spans per request: `llm_request` of the API server, with api.ARRIVED,
api.HANDOFF_TO_CORE, api.FIRST_RESPONSE_FROM_CORE and api.DEPARTED, and its child `llm_core` of the
engine, with journey.QUEUED, SCHEDULED, FIRST_TOKEN, PREEMPTED and FINISHED (inference-sim/vllm
f6ec81c7, vllm/v1/core/sched/scheduler.py and vllm/entrypoints/openai/engine/serving.py). vLLM as it
is released writes `llm_request` alone, with latencies in seconds as attributes
(vllm/v1/engine/output_processor.py): those tell no arrival and no step.
"""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from ...stats.arrays import Float64
from .otlp_objects import Span, SpanEvent
from .steps import engine_of, number

_API: Final = frozenset({"ARRIVED", "HANDOFF_TO_CORE", "FIRST_RESPONSE_FROM_CORE", "DEPARTED"})
_CORE: Final = frozenset({"QUEUED", "SCHEDULED", "FIRST_TOKEN", "PREEMPTED", "FINISHED"})
_FAILED: Final = frozenset({"aborted", "error", "ignored"})
_LATENCY: Final = "gen_ai.latency."
_PREFILL_TOTAL: Final = ("prefill.total_tokens", "prefill_total_tokens")
_DECODE_DONE: Final = ("decode.done_tokens", "decode_done_tokens")
_PROMPT: Final = "gen_ai.usage.prompt_tokens"
_COMPLETION: Final = "gen_ai.usage.completion_tokens"
_NAN: Final = float("nan")
# Names of sizes that are no attribute of a span.
_START, _STEP, _PREFILL, _OUTPUT, _PREEMPTIONS = "start_s", "step", "prompt", "output", "preempted"
_FEWEST_TOKENS: Final = 2  # one token has no time between tokens

# Delays in us and sizes; NaN where a journey does not tell.
NUMBERS: Final = (
    "time_s", "queued_ns", "queued_step", "arrival_us", "wait_us", "prefill_us", "token_us",
    "delivery_us", "prompt_tokens", "output_tokens", "preemptions",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Journeys:
    """n requests in the order of arrival; arrays have shape (n,), NaN where unknown.

    `engine` names what served each. `columns` are those of NUMBERS: `time_s` is Unix time,
    `queued_ns` the engine's own clock, `queued_step` the last step before the request was queued;
    `arrival_us` is from arrival to queueing, `wait_us` from queueing to scheduling, `prefill_us`
    from there to the first token, `token_us` the mean time between two tokens, `delivery_us` from
    the engine's first token to the server's first response.
    """

    engine: tuple[str, ...]
    columns: dict[str, Float64]

    def __len__(self) -> int:
        """Number of requests."""
        return len(self.engine)


class _Moment(NamedTuple):
    """When an event was: by the monotonic clock of its host, NaN unknown, and since the epoch."""

    clock_ns: float
    time_ns: int | None


@dataclass(slots=True)
class _Request:
    """What is kept of one request: the moments of its events, and its sizes; a few hundred bytes.

    Of events of one name the first counts, of FINISHED the last.
    """

    engine: str = ""
    moments: dict[str, _Moment] = field(default_factory=dict)
    sizes: dict[str, float] = field(default_factory=dict)
    failed: bool = False


class JourneyCollector:
    """Takes spans, and gives the journeys that they tell of.

    `failed`: requests that were aborted or ended by an error, and are left out.
    """

    def __init__(self) -> None:
        self.failed = 0
        self._requests: dict[str, _Request] = {}

    def take(self, span: Span) -> None:
        """Take what a span tells of a request; one that tells nothing is passed over."""
        names = {_name(event) for event in span.events}
        stated = {
            key: number(span.attributes, key)
            for key in span.attributes
            if key.startswith(_LATENCY) or key in (_PROMPT, _COMPLETION)
        }
        if not (names & (_API | _CORE) or any(key.startswith(_LATENCY) for key in stated)):
            return
        # A child's parent is the span of the server; a span with an arrival is that one.
        is_server = "ARRIVED" in names or not span.parent_id or not names & _CORE
        key = span.span_id if is_server else span.parent_id
        request = self._requests.setdefault(key or f"#{len(self._requests)}", _Request())
        request.sizes |= stated
        if names & _CORE or not request.engine:
            request.engine = engine_of(span)
        if span.start_ns is not None:
            request.sizes.setdefault(_START, span.start_ns / 1e9)
        for event in span.events:
            _add(request, event)

    def journeys(self) -> Journeys:
        """The requests that ended well or are under way, by arrival."""
        whole = [one for one in self._requests.values() if not one.failed]
        self.failed = len(self._requests) - len(whole)
        numbers = [_numbers(one) for one in whole]
        table = np.asarray(numbers, dtype=np.float64).reshape(-1, len(NUMBERS))
        told = np.asarray(np.any(np.isfinite(table[:, 3:8]), axis=1))
        order = np.argsort(table[:, 0], kind="stable")
        order = order[told[order]]
        return Journeys(
            tuple(whole[at].engine for at in order),
            dict(zip(NUMBERS, table[order].T, strict=True)),
        )


def _name(event: SpanEvent) -> str:
    """Name of an event without the prefix of its layer."""
    prefix, _, name = event.name.rpartition(".")
    return name if prefix in ("", "api", "journey") else ""


def _add(request: _Request, event: SpanEvent) -> None:
    name = _name(event)
    if name == "ABORTED":
        request.failed = True
    if name not in _API | _CORE:
        return
    moment = _Moment(_clock_ns(event), event.time_ns)
    attributes, sizes = event.attributes, request.sizes
    if name == "FINISHED":
        request.failed |= str(attributes.get("finish.status", "")).lower() in _FAILED
        request.moments[name] = moment
        sizes[_OUTPUT] = number(attributes, *_DECODE_DONE)
    else:
        request.moments.setdefault(name, moment)
    if name == "QUEUED":
        sizes.setdefault(_STEP, number(attributes, "scheduler.step"))
    if name in _CORE and (prompt := number(attributes, *_PREFILL_TOTAL)) >= 0:
        sizes[_PREFILL] = prompt
    preempted = max(number(attributes, "num_preemptions"), name == "PREEMPTED")
    if preempted > 0:
        sizes[_PREEMPTIONS] = max(preempted, sizes.get(_PREEMPTIONS, 0.0))


def _numbers(request: _Request) -> tuple[float, ...]:
    """The numbers of one request, in the order of NUMBERS."""
    moments, sizes = request.moments, request.sizes
    prompt = _either(sizes.get(_PREFILL, _NAN), sizes.get(_PROMPT))
    output = _either(sizes.get(_OUTPUT, _NAN), sizes.get(_COMPLETION))
    preemptions = sizes.get(_PREEMPTIONS, 0.0)
    queued = moments.get("QUEUED")
    return (
        _either(_time_s(moments, "ARRIVED", "QUEUED"), sizes.get(_START)),
        _NAN if queued is None else queued.clock_ns,
        sizes.get(_STEP, _NAN),
        _between_us(moments, "ARRIVED", "QUEUED"),
        _either(_between_us(moments, "QUEUED", "SCHEDULED"), _stated_us(sizes, "time_in_queue")),
        _either(
            _between_us(moments, "SCHEDULED", "FIRST_TOKEN"),
            _stated_us(sizes, "time_in_model_prefill"),
        ),
        _NAN if preemptions else _token_us(moments, sizes, output),
        _between_us(moments, "FIRST_TOKEN", "FIRST_RESPONSE_FROM_CORE"),
        prompt,
        output,
        preemptions,
    )


def _token_us(moments: dict[str, _Moment], sizes: dict[str, float], output: float) -> float:
    """Mean time between two tokens of one request; of one that was paused it is unknown."""
    if not output >= _FEWEST_TOKENS:
        return _NAN
    decode_us = _either(
        _between_us(moments, "FIRST_TOKEN", "FINISHED"), _stated_us(sizes, "time_in_model_decode")
    )
    return decode_us / (output - 1)


def _stated_us(sizes: dict[str, float], name: str) -> float:
    return sizes.get(_LATENCY + name, _NAN) * 1e6


def _either(first: float, second: float | None) -> float:
    return first if np.isfinite(first) or second is None else second


def _clock_ns(event: SpanEvent) -> float:
    """The time of an event by the monotonic clock of its host; NaN where it is not told."""
    seconds = number(event.attributes, "ts.monotonic", "event.ts.monotonic")
    return _either(number(event.attributes, "ts.monotonic_ns"), seconds * 1e9)


def _time_s(moments: dict[str, _Moment], *names: str) -> float:
    for name in names:
        if name in moments and (time_ns := moments[name].time_ns) is not None:
            return time_ns / 1e9
    return _NAN


def _between_us(moments: dict[str, _Moment], first: str, then: str) -> float:
    """Time between two events; NaN where one is missing or they stand the wrong way round.

    By the monotonic clock where both tell it, which no correction of the time moves.
    """
    if first not in moments or then not in moments:
        return _NAN
    one, other = moments[first], moments[then]
    passed_ns = other.clock_ns - one.clock_ns
    if np.isnan(passed_ns) and one.time_ns is not None and other.time_ns is not None:
        passed_ns = float(other.time_ns - one.time_ns)
    return passed_ns / 1e3 if passed_ns >= 0 else _NAN
