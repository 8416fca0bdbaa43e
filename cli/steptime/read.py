"""`moeprof steptime read`: result files of benchmarks to a folder of rows."""

from pathlib import Path
from typing import Annotated

import typer

from ...report.quantities import count as counted
from .. import render

Files = Annotated[
    list[Path], typer.Argument(metavar="FILE...", help="Results of benchmarks, or traces.")
]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to add the rows to.")]
Model = Annotated[
    str | None, typer.Option("--model", help="Its config.json, or a model that DIR has.")
]
Gpu = Annotated[str | None, typer.Option("--gpu", help="Name of a GPU, such as H100.")]
Tp = Annotated[int | None, typer.Option("--tp", min=1, help="GPUs that split each layer.")]
Ep = Annotated[
    int | None, typer.Option("--ep", min=1, help="GPUs that experts stay whole on; 1: slices.")
]
Dp = Annotated[
    int | None, typer.Option("--dp", min=1, help="Groups that each hold the whole attention.")
]
Precision = Annotated[str | None, typer.Option("--precision", help="Of the weights, such as fp8.")]
Engine = Annotated[str | None, typer.Option("--engine", help="Such as vllm, sglang, trtllm.")]
Version = Annotated[str | None, typer.Option("--engine-version", help="Such as 0.13.0.")]
Batch = Annotated[float | None, typer.Option("--batch", help="Requests that ran at once.")]
Prompt = Annotated[float | None, typer.Option("--prompt", help="Mean tokens of a prompt.")]
Output = Annotated[
    float | None, typer.Option("--output", help="Mean tokens that a request generates.")
]


def read(
    files: Files,
    out: Out,
    model: Model = None,
    gpu: Gpu = None,
    tp: Tp = None,
    ep: Ep = None,
    dp: Dp = None,
    precision: Precision = None,
    engine: Engine = None,
    engine_version: Version = None,
    batch: Batch = None,
    prompt: Prompt = None,
    output: Output = None,
) -> None:
    """Read your own results into a folder of rows.

    `fit` and `validate` take such a folder. What a file states wins; the options state what it
    leaves out.

    \b
    moeprof steptime read result.json --out rows --model config.json \\
        --gpu H100 --tp 4 --precision fp8
    """  # noqa: D301 - the help is not rewrapped below a backspace, and a raw string holds none
    from ...pipeline.steptime.read import read_files
    from ...pipeline.steptime.stated import Stated

    stated = Stated(
        model=model,
        gpu=gpu,
        tp=tp,
        ep=ep,
        dp=dp,
        precision=precision,
        engine=engine,
        engine_version=engine_version,
        batch=batch,
        isl=prompt,
        osl=output,
    )
    found = read_files(files, stated, out)
    for note, count in found.notes.items():
        render.warn(f"{counted(count, 'row')}: {note}")
    for note, count in found.traced.items():
        render.warn(f"{count} {note}")
    for reason, count in found.refused.by_reason.items():
        render.warn(f"{counted(count, 'row')} refused by a fit: {reason}")
    for reason, count in found.refused.left_out.items():
        render.warn(f"{counted(count, 'value')} left out: {reason}")
    if found.requests:
        render.say(f"requests whose delays were read: {found.requests}")
    again = f", {found.replaced} in place of the same measurement" if found.replaced else ""
    render.say(f"rows added to {out}: {found.added}{again}")
