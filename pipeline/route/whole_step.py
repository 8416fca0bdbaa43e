"""Steps of a whole model, as `moeprof steptime predict --json` prints them, for the router."""

import json
from pathlib import Path
from typing import Any, Final

from ...router.static.whole_step import WholeStep
from ...store.errors import BadInput, naming
from ...store.files import read_text

_MOST_BYTES: Final = 1 << 26
_HINT: Final = "give what `moeprof steptime predict FILE --batch TOKENS --json` prints"


def read_whole_step(path: Path, tokens: int) -> WholeStep:
    """The step of a batch of `tokens`.

    Raises BadInput for another file, and where the batch is not in it.
    """
    try:
        body: Any = json.loads(read_text(path, _MOST_BYTES))
        steps = {int(one["batch"]): one["parts_us"] for one in body}
        parts_us = {name: float(us) for name, us in steps.get(tokens, {}).items()}
    except (
        ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError,
    ) as error:  # fmt: skip
        raise BadInput(f"{path} holds no steps of a whole model", hint=_HINT) from error
    if tokens not in steps:
        known = ", ".join(map(str, sorted(steps))) or "none"
        raise BadInput(
            f"{path} has no step of a batch of {tokens}; it has {known}",
            hint=f"predict it: moeprof steptime predict FILE --batch {tokens} --json",
        )
    with naming(path, hint=_HINT):
        return WholeStep(tokens, parts_us)
