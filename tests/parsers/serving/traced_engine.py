"""An engine whose steps and delays are known, in the traces that vLLM would write of it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

UNIX_NS = 1_790_000_000_000_000_000
MONOTONIC_NS = 5_000_000_000_000
Json = dict[str, Any]


def attribute(key: str, value: float | str | bool) -> Json:
    """One attribute; a whole number is a text, as OTLP JSON has it."""
    if isinstance(value, bool):
        return {"key": key, "value": {"boolValue": value}}
    if isinstance(value, int):
        return {"key": key, "value": {"intValue": str(value)}}
    kind = "doubleValue" if isinstance(value, float) else "stringValue"
    return {"key": key, "value": {kind: value}}


def event(name: str, at_us: float, attributes: Json) -> Json:
    """An event, `at_us` after the engine began."""
    return {
        "timeUnixNano": str(UNIX_NS + round(1e3 * at_us)),
        "name": name,
        "attributes": [attribute(key, value) for key, value in attributes.items()],
    }


def span(name: str, ids: tuple[str, str, str], events: Sequence[Json], **attributes: Any) -> Json:
    """A span; `ids` are those of trace, span and parent."""
    times = [event["timeUnixNano"] for event in events] or [str(UNIX_NS)]
    return {
        "traceId": ids[0],
        "spanId": ids[1],
        "parentSpanId": ids[2],
        "name": name,
        "kind": 1,
        "startTimeUnixNano": times[0],
        "endTimeUnixNano": times[-1],
        "attributes": [attribute(key, value) for key, value in attributes.items()],
        "events": list(events),
        "status": {},
    }


def document(spans: Sequence[Json], scope: str = "vllm.scheduler.step") -> Json:
    """What the Collector writes as one line."""
    resource = {"attributes": [attribute("service.name", "vllm")]}
    return {
        "resourceSpans": [
            {"resource": resource, "scopeSpans": [{"scope": {"name": scope}, "spans": list(spans)}]}
        ]
    }


def write_lines(path: Path, documents: Sequence[Json]) -> Path:
    """Write one document per line."""
    path.write_text("".join(json.dumps(one) + "\n" for one in documents), encoding="utf-8")
    return path


@dataclass(frozen=True)
class Step:
    """One step of the scheduler, from `start_us` on, of `step_us`."""

    step_id: int
    start_us: float
    step_us: float
    decode_requests: int
    prefill_tokens: int = 0
    waiting: int = 0
    kv_ratio: float = 0.3
    preempted: int = 0
    finished: int = 0
    kv_blocks: int = 10_000

    def summary(self, stated_us: float | None = None) -> Json:
        """Its event; `stated_us` stands for what the tracer says that it took."""
        took = self.step_us if stated_us is None else stated_us
        start_ns = MONOTONIC_NS + round(1e3 * self.start_us)
        prefilling = int(self.prefill_tokens > 0)
        return event(
            "step.BATCH_SUMMARY",
            self.start_us,
            {
                "step.id": self.step_id,
                "step.ts_start_ns": start_ns,
                "step.ts_end_ns": start_ns + round(1e3 * took),
                "step.duration_us": round(took),
                "queue.running_depth": self.decode_requests + prefilling,
                "queue.waiting_depth": self.waiting,
                "batch.num_prefill_reqs": prefilling,
                "batch.num_decode_reqs": self.decode_requests,
                "batch.scheduled_tokens": self.prefill_tokens + self.decode_requests,
                "batch.prefill_tokens": self.prefill_tokens,
                "batch.decode_tokens": self.decode_requests,
                "batch.num_finished": self.finished,
                "batch.num_preempted": self.preempted,
                "kv.usage_gpu_ratio": float(self.kv_ratio),
                "kv.blocks_total_gpu": self.kv_blocks,
                "kv.blocks_free_gpu": round(self.kv_blocks * (1 - self.kv_ratio)),
            },
        )


def step_spans(steps: Sequence[Step], *, stated_us: float | None = None) -> list[Json]:
    """Spans of a hundred steps each, which is when vLLM ends one."""
    parts = [steps[at : at + 100] for at in range(0, len(steps), 100)]
    return [
        span(f"scheduler_steps_{at + 1}", ("", f"step{at}", ""), [
            step.summary(stated_us) for step in part
        ])
        for at, part in enumerate(parts)
    ]  # fmt: skip


@dataclass(frozen=True)
class Request:
    """One request, and when what happened to it; us after the engine began."""

    name: str
    arrived_us: float
    arrival_us: float
    wait_us: float
    prefill_us: float
    token_us: float
    delivery_us: float
    prompt_tokens: int
    output_tokens: int
    queued_step: int = 0
    paused: bool = False
    finish: str = "length"

    def spans(self) -> tuple[Json, Json]:
        """The spans of the server and of the engine."""
        queued = self.arrived_us + self.arrival_us
        scheduled = queued + self.wait_us
        first = scheduled + self.prefill_us
        finished = first + (self.output_tokens - 1) * self.token_us
        core = [
            self._core("QUEUED", queued, 0),
            self._core("SCHEDULED", scheduled, 0, {"schedule.kind": "FIRST"}),
            self._core("FIRST_TOKEN", first, 1),
        ]
        if self.paused:
            core.append(self._core("PREEMPTED", first + 10, 1))
        core.append(
            self._core("FINISHED", finished, self.output_tokens, {"finish.status": self.finish})
        )
        api = [
            _api("ARRIVED", self.arrived_us),
            _api("HANDOFF_TO_CORE", queued - self.arrival_us / 10),
            _api("FIRST_RESPONSE_FROM_CORE", first + self.delivery_us),
            _api("DEPARTED", finished + self.delivery_us),
        ]
        key = {"gen_ai.request.id": self.name}
        return (
            span("llm_request", (f"t{self.name}", f"a{self.name}", ""), api, **key),
            span("llm_core", (f"t{self.name}", f"c{self.name}", f"a{self.name}"), core, **key),
        )

    def _core(self, name: str, at_us: float, done: int, more: Json | None = None) -> Json:
        at_ns = MONOTONIC_NS + round(1e3 * at_us)
        return event(
            f"journey.{name}",
            at_us,
            {
                "event.type": name,
                "ts.monotonic": at_ns / 1e9,
                "ts.monotonic_ns": at_ns,
                "scheduler.step": self.queued_step,
                "phase": "WAITING" if name == "QUEUED" else "DECODE" if done else "PREFILL",
                "prefill.done_tokens": self.prompt_tokens,
                "prefill.total_tokens": self.prompt_tokens,
                "decode.done_tokens": done,
                "decode.max_tokens": self.output_tokens,
                "num_preemptions": int(self.paused and name in {"PREEMPTED", "FINISHED"}),
                **(more or {}),
            },
        )


def _api(name: str, at_us: float) -> Json:
    return event(f"api.{name}", at_us, {"event.ts.monotonic": (MONOTONIC_NS / 1e3 + at_us) / 1e6})


def noisy(rng: np.random.Generator, values: np.ndarray, outliers: float) -> np.ndarray:
    """3 % of noise, and of a share `outliers` of the values three to ten times as much."""
    far = rng.random(len(values)) < outliers
    made = values * np.exp(0.03 * rng.standard_normal(len(values)))
    return np.where(far, made * rng.uniform(3, 10, len(values)), made)
