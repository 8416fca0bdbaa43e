"""The formats of result files, told apart by the fields of their records."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...store.errors import BadInput, shortened
from ...store.serving.serving_row import ServingRow
from .inferencex import (
    is_inferencex,
    is_inferencex_api,
    read_inferencex,
    read_inferencex_api,
)
from .mlenergy import (
    is_mlenergy_benchmark,
    is_mlenergy_v2,
    is_mlenergy_v3,
    read_mlenergy_benchmark,
    read_mlenergy_v2,
    read_mlenergy_v3,
)
from .record import Record, records_of
from .sglang_one_batch import (
    is_one_batch,
    is_one_batch_server,
    read_one_batch,
    read_one_batch_server,
)
from .sglang_serving import is_sglang_serving, read_sglang_serving
from .vllm_offline import (
    is_vllm_latency,
    is_vllm_throughput,
    read_vllm_latency,
    read_vllm_throughput,
)
from .vllm_serve import is_vllm_serve, read_vllm_serve


@dataclass(frozen=True, slots=True)
class ResultFormat:
    """One format: the command that writes it, how a record of it is known, and its rows."""

    title: str
    recognises: Callable[[Record], bool]
    read: Callable[[Record], list[ServingRow]]


# A format whose fields are all in another's stands behind it.
FORMATS: Final = (
    ResultFormat("ML.ENERGY benchmark", is_mlenergy_benchmark, read_mlenergy_benchmark),
    ResultFormat("SGLang bench_serving", is_sglang_serving, read_sglang_serving),
    ResultFormat("vllm bench serve --save-result", is_vllm_serve, read_vllm_serve),
    ResultFormat("vllm bench latency", is_vllm_latency, read_vllm_latency),
    ResultFormat("vllm bench throughput", is_vllm_throughput, read_vllm_throughput),
    ResultFormat("SGLang bench_one_batch", is_one_batch, read_one_batch),
    ResultFormat("SGLang bench_one_batch_server", is_one_batch_server, read_one_batch_server),
    ResultFormat("ML.ENERGY leaderboard v2", is_mlenergy_v2, read_mlenergy_v2),
    ResultFormat("ML.ENERGY leaderboard v3", is_mlenergy_v3, read_mlenergy_v3),
    ResultFormat("InferenceX agg_*.json", is_inferencex, read_inferencex),
    ResultFormat("InferenceX API", is_inferencex_api, read_inferencex_api),
)


def read_results(path: Path) -> list[ServingRow]:
    """Read the rows of a result file.

    Raises BadInput where it cannot be read, is of no known format, or contradicts itself.
    """
    return [row for record in records_of(path) for row in _format_of(record).read(record)]


def _format_of(record: Record) -> ResultFormat:
    for form in FORMATS:
        if form.recognises(record):
            return form
    keys = shortened(", ".join(map(str, record.data)) or "none", longest=200)
    raise BadInput(
        f"{record.path}{record.place} is of no known format; its fields: {keys}",
        hint=f"known: {'; '.join(form.title for form in FORMATS)}",
    )
