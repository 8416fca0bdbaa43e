"""The active experts of a routing policy: numbers, a plan of the router, or its log of metrics."""

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, Final

import numpy as np

from ....costmodel.steptime.features.steps import Array
from ....router.metrics.log_folder import read_metrics
from ....router.metrics.row import SCHEMA
from ....store.errors import BadInput, shortened
from ....store.files import has_file, has_folder, read_text
from ....store.serving.whole_model import WholeModel

_MOST_BYTES: Final = 1 << 28
_HINT: Final = (
    "give a number for each batch (24.5, or 24.5,60), what `moeprof route plan --json` prints, or a"
    " log of the router's metrics"
)


@dataclass(frozen=True, slots=True)
class PolicyExperts:
    """Mean experts of a layer that get a token, for each batch; of shape (n,).

    `own` are those of the model's own routing, None where nothing tells them. `origin` says where
    both are from.
    """

    active: Array
    own: Array | None
    origin: str


def policy_experts(words: str, batches: Sequence[int], model: WholeModel) -> PolicyExperts:
    """Read `--active-experts` for batches of a model.

    Raises BadInput for numbers that are not one or as many as batches, and for a file that is
    neither a plan nor a log, is of another model's experts, or tells nothing of these batches.
    """
    if (numbers := _numbers(words)) is not None:
        if len(numbers) not in (1, len(batches)):
            raise _no_experts(words, len(batches))
        each = np.broadcast_to(np.asarray(numbers), (len(batches),)).copy()
        return PolicyExperts(each, None, "as given")
    path = Path(words)
    if words and has_folder(path):
        return _of_rows(path, read_metrics(path).to_pylist(), batches, model)
    if has_file(path):
        text = read_text(path, _MOST_BYTES)
        if text.startswith(f"# {SCHEMA}\n"):
            return _of_rows(path, _csv_rows(path, text), batches, model)
        return _of_plan(path, text, batches, model)
    raise _no_experts(words, len(batches))


def _numbers(words: str) -> list[float] | None:
    """Finite numbers with commas between; None for other words."""
    try:
        found = [float(word) for word in words.split(",")]
    except ValueError:
        return None
    return found if all(map(isfinite, found)) else None


def _no_experts(words: str, count: int) -> BadInput:
    return BadInput(
        f"--active-experts is {shortened(words)!r}, which is no file, and not one number for each"
        f" of {count} batches",
        hint=_HINT,
    )


def _of_plan(path: Path, text: str, batches: Sequence[int], model: WholeModel) -> PolicyExperts:
    """Both routings of a static answer, which is of one batch."""
    try:
        body: Any = json.loads(text)
        tokens, experts, top_k = (
            int(_number(body[name])) for name in ("tokens", "experts", "top_k")
        )
        planned, own = (_number(body[name]["active_experts"]) for name in ("planned", "own"))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise BadInput(f"{path} is neither a plan nor a log of the router", hint=_HINT) from error
    _check_experts(path, (experts, top_k), model)
    if set(batches) != {tokens}:
        raise BadInput(
            f"{path} is a plan for batches of {tokens} tokens, and --batch is"
            f" {','.join(map(str, batches))}",
            hint=f"give --batch {tokens}, or plan for this batch",
        )
    some = np.ones(len(batches))
    return PolicyExperts(planned * some, own * some, f"those of the plan {path.name}")


def _number(value: Any) -> float:
    """A number of JSON. Raises TypeError for another value: Python takes texts for numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return float(value)


def _of_rows(
    path: Path, rows: list[dict[str, Any]], batches: Sequence[int], model: WholeModel
) -> PolicyExperts:
    """The mean of the passes of each batch size; those of the strategy baseline are the own."""
    policy: dict[int, list[int]] = {}
    baseline: dict[int, list[int]] = {}
    for row in rows:
        counts, tokens = (_whole_numbers(path, row, name) for name in ("expert_counts", "tokens"))
        if not counts or not tokens:
            continue
        _check_experts(path, (len(counts), None), model)
        passes = baseline if row.get("strategy") == "baseline" else policy
        passes.setdefault(tokens[0], []).append(int(np.count_nonzero(counts)))
    missing = [batch for batch in batches if batch not in policy]
    if missing:
        known = ", ".join(map(str, sorted(policy))) or "none"
        raise BadInput(
            f"{path} has no pass of {missing[0]} tokens by a policy; it has {shortened(known)}",
            hint="ask for batches that were logged with their expert_counts",
        )
    has_own = all(batch in baseline for batch in batches)
    return PolicyExperts(
        active=np.asarray([np.mean(policy[batch]) for batch in batches]),
        own=np.asarray([np.mean(baseline[batch]) for batch in batches]) if has_own else None,
        origin=f"the mean of the log {path.name}",
    )


def _csv_rows(path: Path, text: str) -> list[dict[str, Any]]:
    try:
        return list(csv.DictReader(text.splitlines()[1:]))
    except csv.Error as error:
        raise BadInput(f"{path} is no CSV: {shortened(str(error))}", hint=_HINT) from error


def _whole_numbers(path: Path, row: dict[str, Any], name: str) -> list[int]:
    """A cell of one or several numbers, in a text with spaces between; none where unmeasured."""
    if (cell := row.get(name)) is None:
        return []
    words = cell.split() if isinstance(cell, str) else cell
    try:
        return list(map(int, words if isinstance(words, list) else [words]))
    except ValueError as error:
        raise BadInput(f"{path} has {name} of {shortened(str(cell))!r}", hint=_HINT) from error


def _check_experts(path: Path, found: tuple[int, int | None], model: WholeModel) -> None:
    if (experts := model.experts) is None:
        return  # the answer is the model's own
    count, top_k = found
    if count != experts.count or top_k not in (None, experts.top_k):
        picks = "" if top_k is None else f", {top_k} for each token"
        raise BadInput(
            f"{path} is of {count} experts{picks}, and {model.name} has {experts.count},"
            f" {experts.top_k} for each token",
            hint="give a plan or a log of this model's experts",
        )
