"""Requests of a trace as rows of `journeys.parquet`, each with what served it."""

from ...parsers.serving.traces import TracedRequests
from ...store.serving.journeys_table import MOST, JourneyRow
from ...store.serving.serving_row import ServingRow


def journey_rows(requests: TracedRequests, served: ServingRow) -> list[JourneyRow]:
    """Make the rows of requests that the deployment of `served` answered."""
    columns = requests.columns
    context = columns["prompt_tokens"] + columns["output_tokens"] / 2
    numbers = {name: columns[name] for name in _NUMBERS} | {"context_tokens": context}
    return [
        JourneyRow(
            name=name,
            engine_run=engine,
            model=served.model or "",
            gpu=served.gpu or "",
            precision=served.precision or "",
            engine=served.engine or "",
            engine_version=served.engine_version or "",
            tp=served.tp or 1,
            ep=served.ep or 1,
            dp=served.dp or 1,
            **{key: _known(values[at]) for key, values in numbers.items()},
        )
        for at, (name, engine) in enumerate(zip(requests.name, requests.engine, strict=True))
    ]


_NUMBERS = (
    "time_s", "arrival_us", "wait_us", "token_us", "delivery_us", "prompt_tokens", "waiting",
    "running", "kv_ratio", "recent_preemptions",
)  # fmt: skip


def _known(value: float) -> float | None:
    """The number; None where it is unknown, or can be none of a request."""
    return float(value) if 0 <= value <= MOST else None
