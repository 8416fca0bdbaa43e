"""Why a row cannot be used by what it says of itself, before its time is held against its GPUs."""

from collections.abc import Mapping
from math import isnan
from typing import Any, Final, TypeGuard

from ....store.serving.serving_row import LITTLES_LAW, STATIC, STEP
from ....store.serving.whole_model import WholeModel
from ..engine.context_lengths import published_context_tokens
from .units import unit_by_batch

UNKNOWN_MODEL: Final = "unsupported architecture"
MULTIMODAL: Final = "multimodal: vision tokens unknown"
PIPELINE: Final = "pipeline parallel"
MULTI_NODE: Final = "multi-node (disaggregated) row filed as aggregated"
WRONG_GPUS: Final = "wrong number of GPUs"
NO_SPLIT: Final = "n_gpu is not tp x dp, and the table has no column "
MISSING: Final = "missing batch, length or time"
WRONG_BATCH: Final = "throughput x time per token contradicts the batch"
WRONG_CONTEXT: Final = "the context contradicts the lengths of prompt and output"
TOO_LONG: Final = "requests are longer than 5 x what the model takes"
WRONG_OUTPUT: Final = "output tokens x time per token contradict the time of a request"
NO_NUMBER: Final = "a number that no measurement gives"
OVER_LIMIT: Final = "more requests ran than the client let run at once"
SPECULATIVE: Final = "speculative decoding: a step yields several tokens"
FAILED: Final = "more than a tenth of the requests failed"

OF_RUNS: Final = (
    UNKNOWN_MODEL, MULTIMODAL, PIPELINE, MULTI_NODE, WRONG_GPUS, MISSING, SPECULATIVE, FAILED
)  # fmt: skip
_VISION_TASKS: Final = frozenset({"image-chat", "video-chat"})
_OF_REQUESTS: Final = ("batch", "ctx", "isl", "osl", "tpot_ms")
_OF_STEPS: Final = ("ctx", "tpot_ms")
_TOKENS: Final = ("ctx", "isl", "osl")
_OPTIONAL: Final = (
    "batch", "isl", "osl", "ctx", "tpot_ms", "itl_ms", "pf_tok_s", "tput_tok_s", "power_w",
    "max_concurrency", "burstiness", "failed_share",
)  # fmt: skip
_LARGEST: Final = 1e9  # tokens, ms, W
_MOST_GPUS: Final = 8  # a node holds no more
# The batch by throughput and time over the one that is stated. Requests that prefill or wait are in
# the stated one, so that it may be larger; smaller it is only by rounding. Little's law gives it as
# a product of means, which may be off either way.
_BATCH_FACTORS: Final = (1 / 4, 1.25)
_LAW_FACTORS: Final = (1 / 4, 4.0)
# The stated context over prompt + half the output: of running requests long outputs count more, and
# some tables give the context at the end. 6,394 public rows have 1.0 to 2.0.
_CONTEXT_FACTORS: Final = (1 / 2, 8.0)
# Published ways to scale positions reach 4 times the model's own length (YaRN of Qwen3), and a
# benchmark of random prompts may go beyond: public rows have at most 4.3.
_LENGTH_FACTOR: Final = 5.0
# The time from first to last token over tokens x time per token: a product of means, but of a
# static batch, whose time per token holds its prompts. Public rows have 0.79 to 1.05.
_OUTPUT_FACTORS: Final = (1 / 4, 4.0)
_FEWEST_TOKENS: Final = 8  # shorter outputs have no mean time between tokens worth the name
_LIMIT_FACTOR: Final = 1.25  # the batch by Little's law, over the client's limit: times are means
_MOST_FAILED: Final = 0.1


def stated_reason(row: Mapping[str, Any], models: Mapping[str, WholeModel]) -> str:
    """Why a row cannot be used by what it says of itself; "" where it can."""
    if row["model"] not in models:
        return UNKNOWN_MODEL
    reason = next(filter(None, (judge(row) for judge in _JUDGES)), "")
    too_long = request_over_length(row, models[row["model"]]) > _LENGTH_FACTOR
    return reason or (TOO_LONG if too_long else "")


def request_over_length(row: Mapping[str, Any], model: WholeModel) -> float:
    """Tokens of a request over the most that the model takes by its own file; 0 where unknown."""
    most = model.max_context_tokens or published_context_tokens(row["model"])
    tokens = max((row.get("isl") or 0) + (row.get("osl") or 0), row.get("ctx") or 0)
    return tokens / most if most and _can_be(tokens) else 0.0


def _run_reason(row: Mapping[str, Any]) -> str:
    """Why the steps of a run are no steps of one model that decodes a token for each request."""
    if row.get("task") in _VISION_TASKS:
        return MULTIMODAL
    if row.get("speculative"):
        return SPECULATIVE
    if (row.get("failed_share") or 0) > _MOST_FAILED:
        return FAILED
    return MULTI_NODE if row.get("disaggregated") else ""


def _gpus_reason(row: Mapping[str, Any]) -> str:
    """Why the number of GPUs is not that of the split."""
    tp, dp, ep = (1 if row.get(key) is None else row[key] for key in ("tp", "dp", "ep"))
    split = tp * dp
    gpus = split if row.get("n_gpu") is None else row["n_gpu"]
    if not all(size >= 1 and size % 1 == 0 for size in (tp, dp, ep, gpus)):
        return WRONG_GPUS
    lacking = [key for key in ("tp", "dp") if key not in row]
    if gpus != split and lacking:
        return NO_SPLIT + lacking[0]
    if gpus > split and gpus % split == 0:
        return PIPELINE
    if gpus > _MOST_GPUS:
        return MULTI_NODE
    return "" if gpus == split else WRONG_GPUS


def _numbers_reason(row: Mapping[str, Any]) -> str:
    """Why the numbers of a row tell no step."""
    needed = _OF_STEPS if row.get("batch_kind") == STEP else _OF_REQUESTS
    if not all(_is_above_0(row.get(key)) for key in needed):
        return MISSING
    known = {key: row[key] for key in _OPTIONAL if row.get(key) is not None}
    parts = any(known.get(key, 1) < 1 for key in _TOKENS)
    return NO_NUMBER if parts or not all(map(_can_be, known.values())) else ""


def _is_above_0(number: Any) -> TypeGuard[float]:
    return number is not None and number > 0 and _can_be(number)


def _can_be(number: Any) -> bool:
    """Whether a number is one that was measured; NaN counts as unknown."""
    return bool(isnan(number) or 0 <= number <= _LARGEST)


def _batch_reason(row: Mapping[str, Any]) -> str:
    """Why the batch contradicts the limit of the client, or throughput and time."""
    batch, throughput, limit = (row.get(key) for key in ("batch", "tput_tok_s", "max_concurrency"))
    if not _is_above_0(batch):
        return ""
    by_law = row.get("batch_kind") == LITTLES_LAW
    if by_law and _is_above_0(limit):
        if unit := unit_by_batch(batch / limit):
            return f"{WRONG_BATCH}; {unit}"
        if batch > _LIMIT_FACTOR * limit:
            return OVER_LIMIT
    if not _is_above_0(throughput):
        return ""
    implied = throughput * row["tpot_ms"] / 1e3 / batch
    if _within(implied, _LAW_FACTORS if by_law else _BATCH_FACTORS):
        return ""
    unit = unit_by_batch(implied)
    return f"{WRONG_BATCH}; {unit}" if unit else WRONG_BATCH


def _lengths_reason(row: Mapping[str, Any]) -> str:
    """Why prompt, output and context contradict each other, or the time of a request."""
    prompt, output = row.get("isl"), row.get("osl")
    if not (_is_above_0(prompt) and _is_above_0(output)):
        return ""
    if not _within(row["ctx"] / (prompt + output / 2), _CONTEXT_FACTORS):
        return WRONG_CONTEXT
    whole_ms, first_ms = row.get("e2e_ms"), row.get("ttft_ms")
    prompts_apart = row.get("batch_kind") != STATIC and output >= _FEWEST_TOKENS
    if not (prompts_apart and _is_above_0(whole_ms) and _is_above_0(first_ms)):
        return ""
    told = (whole_ms - first_ms) / (row["tpot_ms"] * (output - 1))
    return "" if _within(told, _OUTPUT_FACTORS) else WRONG_OUTPUT


def _within(number: float, factors: tuple[float, float]) -> bool:
    return factors[0] <= number <= factors[1]


_JUDGES: Final = (_run_reason, _gpus_reason, _numbers_reason, _batch_reason, _lengths_reason)
