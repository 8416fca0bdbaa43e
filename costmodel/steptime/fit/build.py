"""Build `step_time_model.json` from rows that passed the gate; the bytes are the rows' alone."""

from collections.abc import Mapping
from typing import Final, Literal, get_args

from ....store.errors import BadInput
from ....store.serving.queue_model import QueueModel
from ....store.serving.step_time_model import Method, StepTimeFile, Target
from ..rows.fingerprints import fingerprints
from ..rows.gate import Refused
from ..rows.serving_rows import ServingRows
from .power_shares import build_power
from .step_fit import build_step_fit
from .targets import (
    FEWEST_CONFIGURATIONS,
    FEWEST_ROWS,
    Quantity,
    rows_telling,
    why_too_few,
)

Wanted = Target | Literal["energy"]
TARGETS: Final[tuple[Target, ...]] = get_args(Target)
_QUANTITIES: Final[tuple[Quantity, ...]] = get_args(Quantity)
# Joules per token are power times the mean step.
_NEEDED: Final[Mapping[Wanted, tuple[Quantity, ...]]] = {
    "mean": ("mean",),
    "decode": ("decode",),
    "energy": ("mean", "power"),
}


def build_step_time(
    rows: ServingRows,
    refused: Refused,
    files: Mapping[str, str],
    wanted: Wanted | None = None,
    method: Method | None = None,
    queue: QueueModel | None = None,
) -> StepTimeFile:
    """Fit what is `wanted` of the rows; None: whatever enough of them tell.

    `method` None takes the physics, unless another form errs less on unseen configurations, beyond
    chance. `queue` has the delays of requests. Raises BadInput where more than half of the rows
    were refused, and where too few rows tell what is wanted, or, without `queue`, any kind of step.
    """
    refused.require_most()
    told = {quantity: rows_telling(rows, quantity) for quantity in _QUANTITIES}
    absent = _absent(told, wanted, may_have_none=queue is not None)
    built = {
        target: build_step_fit(told[target], method) for target in TARGETS if target not in absent
    }
    return StepTimeFile(
        steps={target: one.fit for target, one in built.items()},
        power=None if "power" in absent else build_power(told["mean"], built["mean"]),
        absent=absent,
        models=tuple({one.model.name: one.model for one in rows.deployments}.values()),
        gpus=tuple(sorted({one.gpu_name for one in rows.deployments})),
        refused=refused.by_reason,
        left_out=refused.left_out,
        files=dict(files),
        fingerprints="".join(sorted(fingerprints(rows))),
        queue=queue,
    )


def _absent(
    told: Mapping[Quantity, ServingRows], wanted: Wanted | None, *, may_have_none: bool
) -> dict[str, str]:
    """Why quantities are not fitted. Raises BadInput where one that is needed cannot be."""
    absent: dict[str, str] = {}
    for quantity, rows in told.items():
        if wanted is not None and quantity not in _NEEDED[wanted]:
            absent[quantity] = f"only {wanted} was asked for"
        elif why := why_too_few(rows, quantity):
            absent[quantity] = why
            if wanted is not None:
                raise _too_few(why)
    if set(TARGETS) <= set(absent) and not may_have_none:
        raise _too_few(absent["mean"])
    return absent


def _too_few(why: str) -> BadInput:
    fewest = f"{FEWEST_ROWS} rows of {FEWEST_CONFIGURATIONS} configurations"
    return BadInput(why, hint=f"give {fewest} or more")
