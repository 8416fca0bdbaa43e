"""How predicted steps are shown in a terminal of 80 columns."""

from typing import TYPE_CHECKING, Final

from ...store.text.counted import counted
from .. import render
from .saving_output import show_saving

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ...pipeline.steptime.predict import Asked, Predicted

_BESIDE: Final = 6  # batches whose parts stand side by side
_GB: Final = 1e9


def show(asked: "Asked", found: "Predicted", *, parts: bool) -> None:
    """Print the steps of each batch; what puts them in doubt and what bounds them before."""
    from ...pipeline.steptime.asked import described_requests
    from ...pipeline.steptime.curve import own_moves
    from ...pipeline.steptime.doubts import doubts

    for note in found.notes:
        render.paragraph(note)
    for doubt in doubts(found):
        render.paragraph(f"warning: {doubt}")
    _tell_known(asked, found)
    if (moves := own_moves(asked, found)) is not None:
        render.paragraph(moves)
    _tell_memory(asked, found)
    _tell_bounds(asked, found)
    served = found.memory.served
    render.text(
        f"{served.model.name} on {served.gpus} x {served.gpu_name},"
        f" {served.precision_name}, {served.engine}"
    )
    render.table(
        f"{described_requests(asked)}; low to high holds 90 %",
        ["#batch", "#step us", "#low", "#high", "most of it", "#W", "#J/token", "#tokens/s"],
        [_row(asked, found, at) for at in range(len(asked.batches))],
    )
    if found.saving is not None and found.policy is not None:
        show_saving(found.saving, found.policy, asked.batches)
    if parts:
        for first in range(0, len(asked.batches), _BESIDE):
            _show_parts(asked, found, range(first, min(first + _BESIDE, len(asked.batches))))


def _tell_known(asked: "Asked", found: "Predicted") -> None:
    """What rows of the very configuration tell, and which batches are beyond them."""
    if (known := found.steps.known) is None:
        return
    form, errors = known.form, known.form.errors
    told = {
        "pooled": "which the fit of all rows predicts best",
        "line": "which move the fit of all rows by a line",
        "blackbox": "which are predicted by a blackbox of their own",
    }[form.form]
    off = f"{100 * errors[form.form]:.1f} % off in the mean" if form.form in errors else ""
    if not form.is_pooled and "pooled" in errors:
        off += f", {100 * errors['pooled']:.1f} % without it"
    render.paragraph(f"known configuration: {form.rows:,} rows, {told}{f' ({off})' if off else ''}")
    beyond = [f"{asked.batches[at]:,}" for at in (~known.inside).nonzero()[0]]
    if beyond:
        (least, most), (short, long), _ = form.domain
        render.paragraph(
            f"warning: beyond these rows, at least as far off as an unknown configuration: batch"
            f" {', '.join(beyond)} (the rows have {least:,.0f} to {most:,.0f} requests and"
            f" {short:,.0f} to {long:,.0f} tokens of context)"
        )


def _tell_memory(asked: "Asked", found: "Predicted") -> None:
    memory, plan = found.memory, found.schedule
    sizes = (
        memory.served.gpu.memory_bytes, memory.weight_bytes, memory.blocks * memory.block_bytes,
    )  # fmt: skip
    has, weights, cache = (f"{size / _GB:.1f}" for size in sizes)
    how = "assumed: an engine takes 0.9 of the memory, and 2 GiB of that for other than these"
    if asked.settings.num_gpu_blocks is not None:
        how = "blocks as given"
    if memory.served.model.max_context_tokens is None:
        render.paragraph(
            "the longest request of this model is not known: max_position_embeddings of its"
            " config.json would tell"
        )
    render.paragraph(
        f"a GPU of {has} GB holds {weights} of weights and {cache} of cache, {memory.blocks:,}"
        f" blocks of 16 tokens: {plan.fitting:,} requests fit ({how})"
    )


def _tell_bounds(asked: "Asked", found: "Predicted") -> None:
    plan = found.schedule
    for at, batch in enumerate(asked.batches):
        if bound := plan.bounds[at]:
            running = render.number(float(plan.steps.running[at]), 3)
            again = ""
            if plan.preemptions[at]:
                again = (
                    f"; a request is preempted {plan.preemptions[at]:.2g} times, and"
                    f" {plan.recomputed_tokens[at]:,.0f} of its tokens are computed again"
                )
            render.paragraph(
                f"of {counted(batch, 'request')} {running} run, bounded by"
                f" {'the ' if bound == 'cache' else '--'}{bound}{again}"
            )


def _row(asked: "Asked", found: "Predicted", at: int) -> list[str]:
    steps = found.steps
    part = max(steps.parts_us, key=lambda name: float(steps.parts_us[name][at]))
    share = float(steps.parts_us[part][at] / steps.step_us[at])
    return [
        f"{asked.batches[at]:,}",
        render.number(float(steps.step_us[at])),
        _number(steps.low_us, at),
        _number(steps.high_us, at),
        f"{part} {100 * share:.0f} %",
        _number(steps.power_w, at, 3),
        _number(steps.j_per_token, at, 3),
        render.number(float(steps.tokens_per_s[at])),
    ]


def _number(values: "NDArray[np.float64] | None", at: int, digits: int = 4) -> str:
    return render.number(None if values is None else float(values[at]), digits)


def _show_parts(asked: "Asked", found: "Predicted", places: range) -> None:
    """A row for each part that is not 0 in all of these batches, and their sum."""
    steps = found.steps
    rows = [
        [name, *(render.number(float(values[at]), 3) for at in places)]
        for name, values in steps.parts_us.items()
        if values.any()
    ]
    rows.append(["step", *(render.number(float(steps.step_us[at]), 3) for at in places)])
    render.table("us of each part", ["batch", *(f"#{asked.batches[at]:,}" for at in places)], rows)
