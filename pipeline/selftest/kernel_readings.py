"""What the facts of the step `kernels` say of its claims.

Each function raises Unmeasured where they do not hold what it needs.
"""

from typing import Any

from ...kernels.checking.cases import TIMES_TORCH
from .reading import Reading, Unmeasured, named
from .results import Facts


def kernel_error(facts: Facts) -> Reading:
    """Largest error against float64, as a multiple of torch's; a wrong integer counts as a crash.

    What crashed, raised, or gave no number counts as an error beyond every limit.
    """
    checked = _checked(facts)
    wrong = [row["case"] for row in checked if not _is_right(row)]
    worst = max((row["times_torch"] for row in checked if row.get("times_torch")), default=0.0)
    if wrong:
        worst = max(worst, 2 * TIMES_TORCH)
    failures = [f"{row['case']}: {row['failure']}" for row in checked if "failure" in row]
    counted = f"{len(checked)} of {facts['planned']} cases"
    if not wrong:
        _refuse_part(facts, f"at most {worst:.3g} x torch")
    return Reading(worst, named(failures or wrong) or counted)


def _is_right(row: dict[str, Any]) -> bool:
    return (
        "failure" not in row
        and row["times_torch"] is not None
        and row["times_torch"] <= TIMES_TORCH
        and not row["wrong_integers"]
    )


def kernel_differences(facts: Facts) -> Reading:
    """Count runs of kernels that gave other bits than the first."""
    repeated = [row for row in _checked(facts) if row.get("runs")]
    if not repeated:
        raise Unmeasured("no kernel ran a second time")
    unlike = [
        f"{row['case']}: {row['different']} of {row['runs']} runs"
        for row in repeated
        if row["different"]
    ]
    if not unlike:
        _refuse_part(facts, "each gave the same bits")
    runs = sum(row["runs"] for row in repeated)
    return Reading(
        sum(row["different"] for row in repeated),
        named(unlike) or f"{runs} runs of {len(repeated)} cases",
    )


def _checked(facts: Facts) -> list[dict[str, Any]]:
    """The cases that were checked, or failed. Raises Unmeasured where there are none."""
    rows = facts.get("cases", [])
    checked = [row for row in rows if "unchecked" not in row]
    if not checked:
        raise Unmeasured(next((row["unchecked"] for row in rows), "no case was reached"))
    return checked


def _refuse_part(facts: Facts, found: str) -> None:
    """Raise Unmeasured where time was up before the last case: a part does not show the whole."""
    reached = len(facts["cases"])
    if reached < facts["planned"]:
        raise Unmeasured(f"{reached} of {facts['planned']} cases reached: {found}")
