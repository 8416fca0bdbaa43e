"""What a fit with measured kernels says: its errors beside those without, and what counts."""

from typing import TYPE_CHECKING, Final

from ...store.text.counted import counted
from .. import render

if TYPE_CHECKING:
    from ...store.serving.kernel_fit import Blend, KernelFit

_FORMS: Final = {
    "physics": "physics",
    "kernels": "kernels",
    "without kernels": "arithmetic by data sheet",
    "blend": "blend of physics and kernels",
}


def show_kernels(steps: str, fit: "KernelFit") -> None:
    """Show how steps by kernels err beside the physics, and say how far they count."""
    for reason, count in fit.refused.items():
        render.warn(f"{counted(count, 'row')} of {fit.device} not composed: {reason}")
    if fit.converted:
        render.warn(
            f"{fit.converted:,} of {counted(fit.rows, 'row')} compute in another type than these"
            f" kernels ({fit.arithmetic}): the ratio of the peak rates is assumed"
        )
    blends = {"model with rows": fit.known, "model without": fit.unseen}
    render.table(
        f"Kernels of {fit.device}: error of {steps} that no fit saw;"
        f" {counted(fit.rows, 'row')} of {counted(fit.configurations, 'configuration')}",
        ["form", *(f"#{name}, %" for name in blends)],
        [
            [words, *(_error(blend, form) for blend in blends.values())]
            for form, words in _FORMS.items()
        ],
    )
    for name, blend in blends.items():
        render.say(f"{name}: {_verdict(blend)}")


def _error(blend: "Blend", form: str) -> str:
    error = blend.errors[form]
    return f"{100 * error.median:.1f} / {100 * error.p90:.1f}"


def _verdict(blend: "Blend") -> str:
    if not blend.weight:
        return "kernels do not count, because steps are not predicted better with them"
    return f"kernels count with a weight of {100 * blend.weight:.0f} %"
