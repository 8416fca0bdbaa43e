"""What a routing policy saves of a whole model, in a terminal of 80 columns."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .. import render

if TYPE_CHECKING:
    from ...pipeline.steptime.predict import PolicyExperts, RoutingSaving


def show_saving(saving: "RoutingSaving", policy: "PolicyExperts", batches: Sequence[int]) -> None:
    """Show the steps of a policy beside those of the model's own routing, and what is uncertain."""
    render.table(
        "Predicted saving of the policy, beside the model's own routing",
        ["#batch", "#experts", "#own", "#own us", "#saved us", "#saved %", "#J/token saved, %"],
        [_row(saving, batch, at) for at, batch in enumerate(batches)],
    )
    own = "are expected, of equal chances: a skewed routing activates fewer, and less is saved"
    if policy.own is not None:
        own = "are told there too"
    render.paragraph(
        f"active experts of a layer: the policy's are {policy.origin}; the model's own {own}"
    )
    for sentence in _doubts(saving, batches):
        render.paragraph(f"uncertain: {sentence}")


def _row(saving: "RoutingSaving", batch: int, at: int) -> list[str]:
    joules = None
    if saving.own_j_per_token is not None and saving.saved_j_per_token is not None:
        joules = 100 * float(saving.saved_j_per_token[at] / saving.own_j_per_token[at])
    return [
        f"{batch:,}",
        render.number(float(saving.active[at])),
        render.number(float(saving.own_active[at])),
        render.number(float(saving.own_step_us[at])),
        render.number(float(saving.saved_us[at])),
        f"{100 * float(saving.saved_share[at]):.1f}",
        "-" if joules is None else f"{joules:.1f}",
    ]


def _doubts(saving: "RoutingSaving", batches: Sequence[int]) -> list[str]:
    """What the saving does not know."""
    found = [
        "power at fewer active experts, because no row has two numbers of them at one batch",
        "what the policy costs in quality: it is not predicted here",
    ]
    if saving.low_share is None or saving.high_share is None:
        return found
    each = (
        f"{100 * low:.1f} to {100 * high:.1f} at batch {batch:,}"
        for batch, low, high in zip(batches, saving.low_share, saving.high_share, strict=True)
    )
    return [
        "the step that the saved reading is a part of: in 90 % of such steps saved %"
        f" is {', '.join(each)}",
        *found,
    ]
