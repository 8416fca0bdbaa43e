"""Steps of a whole model, as `moeprof steptime predict --json` prints them, for the router."""

from pathlib import Path
from typing import Final

from ...router.static.whole_step import WholeStep
from ...store.document import read_document
from ...store.errors import BadInput, naming
from ...store.serving.predicted_steps import PredictedSteps

_HINT: Final = PredictedSteps.WAY_OUT


def read_whole_step(path: Path, tokens: int) -> WholeStep:
    """The step of a batch of `tokens`.

    Raises BadInput for another file, and where the batch is not in it, or of several splits.
    """
    found = read_document(path, PredictedSteps).steps
    steps = [one for one in found if one.batch == tokens]
    if not steps:
        known = ", ".join(map(str, sorted({one.batch for one in found}))) or "none"
        raise BadInput(
            f"{path} has no step of a batch of {tokens}; it has {known}",
            hint=f"predict it: moeprof steptime predict FILE --batch {tokens} --json",
        )
    if len(steps) > 1:
        raise BadInput(
            f"{path} has a batch of {tokens} on {len(steps)} splits",
            hint="predict the split that is served: --tp N",
        )
    with naming(path, hint=_HINT):
        return WholeStep(tokens, steps[0].parts_us)
