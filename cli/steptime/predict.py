"""`moeprof steptime predict`: steps of one deployment over batch sizes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...store.errors import BadInput, shortened
from .. import render
from ..options import Json

if TYPE_CHECKING:
    from ...pipeline.steptime.predict import Asked, StepPrediction

File = Annotated[Path, typer.Argument(metavar="FILE", help="step_time_model.json.")]
Name = Annotated[str, typer.Option("--model", help="A model that FILE holds, or a config.json.")]
Gpu = Annotated[str, typer.Option("--gpu", help="Name of a GPU, such as H100.")]
Batch = Annotated[str, typer.Option("--batch", help="Running requests, such as 1,8,64.")]
Prompt = Annotated[int, typer.Option("--prompt", help="Tokens of a prompt.")]
Output = Annotated[
    int | None,
    typer.Option("--output", help="Tokens that a request generates; none: steps decode alone."),
]
Tp = Annotated[int, typer.Option("--tp", help="GPUs that split each layer.")]
Ep = Annotated[int, typer.Option("--ep", help="GPUs that experts stay whole on; 1: slices.")]
Dp = Annotated[int, typer.Option("--dp", help="Groups that each hold the whole attention.")]
Precision = Annotated[str, typer.Option("--precision", help="Of the weights, such as fp8.")]
Engine = Annotated[str, typer.Option("--engine", help="vllm, sglang, trtllm; others are pooled.")]
Own = Annotated[
    Path | None,
    typer.Option("--calibrate", metavar="CSV", help="Your own steps of this: batch,step_us."),
]


def predict(
    file: File,
    model: Name,
    gpu: Gpu,
    batch: Batch,
    prompt: Prompt = 1000,
    output: Output = None,
    tp: Tp = 1,
    ep: Ep = 1,
    dp: Dp = 1,
    precision: Precision = "bf16",
    engine: Engine = "vllm",
    calibrate: Own = None,
    json: Json = False,
) -> None:
    """Predict the steps of a served model: time, parts, power, energy.

    \b
    moeprof steptime predict FILE --model llama-3-70b --gpu H100 --batch 1,64
    moeprof steptime predict FILE --model deepseek-v3 --gpu B200 --tp 8 \\
        --precision fp8 --engine sglang --batch 64 --output 500
    """  # noqa: D301 - the help is not rewrapped below a backspace, and a raw string holds none
    from ...pipeline.steptime.predict import Asked, as_data
    from ...pipeline.steptime.predict import predict as predicted

    sizes = _sizes(batch)
    asked = Asked(model, gpu, precision, engine, tp, ep, dp, sizes, prompt, output, calibrate)
    found = predicted(file, asked)
    if json:
        render.data(as_data(asked, found))
        return
    _show(asked, found)


def _sizes(words: str) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in words.split(","))
    except ValueError:
        raise BadInput(
            f"--batch is {shortened(words)!r}", hint="write whole numbers: --batch 1,8,64"
        ) from None


def _show(asked: "Asked", found: "StepPrediction") -> None:
    for name in found.unseen:
        render.warn(f"no row had the {name}: the answer is extrapolated")
    if any(found.beyond):
        columns = sorted({name for names in found.beyond for name in names})
        render.warn(f"beyond the rows in {', '.join(columns)}")
    render.table(
        f"{asked.model} on {asked.gpu}, {asked.precision}, {asked.engine}",
        ["#batch", "#step us", "#90 % from", "#to", "most of it", "#W", "#J/token", "#tokens/s"],
        [_row(asked, found, at) for at in range(len(asked.batches))],
    )


def _row(asked: "Asked", found: "StepPrediction", at: int) -> list[str]:
    part = max(found.parts_us, key=lambda name: float(found.parts_us[name][at]))
    share = float(found.parts_us[part][at] / found.step_us[at])
    values = [found.low_us, found.high_us]
    low, high = ("-" if one is None else render.number(float(one[at])) for one in values)
    energy = [found.power_w, found.j_per_token]
    power, joules = ("-" if one is None else render.number(float(one[at]), 3) for one in energy)
    return [
        str(asked.batches[at]),
        render.number(float(found.step_us[at])),
        low,
        high,
        f"{part} {100 * share:.0f} %",
        power,
        joules,
        render.number(float(found.tokens_per_s[at])),
    ]
