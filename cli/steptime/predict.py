"""`moeprof steptime predict`: steps of one deployment over batch sizes."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from ...store.errors import BadInput, shortened
from .. import render
from ..options import Json
from . import deployment_options as of

if TYPE_CHECKING:
    from ...pipeline.steptime.curve import Sweep

_DRAWN: Final = 4  # points that make a curve


def predict(
    file: of.File,
    model: of.Name,
    gpu: of.Gpu,
    batch: of.Batch,
    prompt: of.Prompt = 1000,
    output: of.Output = None,
    tp: of.Tp = "1",
    ep: of.Ep = 1,
    dp: of.Dp = 1,
    precision: of.Precision = None,
    engine: of.Engine = "vllm",
    calibrate: of.Own = None,
    kernel_model: of.Kernels = None,
    active_experts: of.ActiveExperts = None,
    max_num_batched_tokens: of.BatchedTokens = None,
    max_num_seqs: of.Seqs = None,
    max_model_len: of.ModelLen = None,
    num_gpu_blocks: of.Blocks = None,
    kv_cache_dtype: of.KvCacheDtype = "auto",
    cpu_offload_bytes: of.Offload = 0.0,
    prefix_hit: of.PrefixHit = 0.0,
    parts: of.Parts = False,
    report: of.Report = None,
    json: Json = False,
) -> None:
    """Predict time, power and energy of a served model's steps.

    \b
    moeprof steptime predict FILE --model llama-3-8b --gpu H100 --batch 1,64
    moeprof steptime predict FILE --model llama-3-70b --gpu H100 --tp 1,2,4,8 \\
        --batch 1,4,16,64,256 --output 500 --report curve.html
    moeprof steptime predict FILE --model deepseek-v3 --gpu B200 --tp 8 \\
        --precision fp8 --engine sglang --batch 64 --output 500 --parts
    moeprof steptime predict FILE --model qwen3-30b-a3b --gpu H100 --batch 16 \\
        --active-experts 62
    """  # noqa: D301 - the help is not rewrapped below a backspace, and a raw string holds none
    from ...pipeline.steptime.curve import predicted_steps, sweep
    from ...pipeline.steptime.predict import Asked, EngineSettings
    from ...store.document import to_json

    settings = EngineSettings(
        max_num_batched_tokens, max_num_seqs, max_model_len, num_gpu_blocks, cpu_offload_bytes,
        prefix_hit, kv_cache_dtype,
    )  # fmt: skip
    sizes, tps = _sizes("--batch", batch), _sizes("--tp", tp)
    asked = Asked(
        model, gpu, precision, engine, tps[0], ep, dp, sizes, prompt, output, calibrate, settings,
        active_experts, kernel_model,
    )  # fmt: skip
    _check_report(report, file, calibrate, kernel_model, model, active_experts)
    found = sweep(file, asked, tps)
    if report is not None:
        _write(report, found)
    if json:
        render.text(to_json(predicted_steps(found)))
    else:
        _show(found, parts=parts)


def _check_report(report: Path | None, *inputs: Path | str | None) -> None:
    """Raise BadInput where the page would take the place of what the command reads."""
    if report is None:
        return
    if report.resolve() in [Path(one).resolve() for one in inputs if one is not None]:
        raise BadInput(
            f"{report} is a file that this command reads, and the page would take its place",
            hint="name another file in --report",
        )


def _write(report: Path, found: "Sweep") -> None:
    """Write the curve as a page."""
    from ...report.step_curve import write_curve

    write_curve(report, found.curve)
    render.say(f"page: {report}")


def _show(found: "Sweep", *, parts: bool) -> None:
    """Show the steps of one split, or of each where no curve lists them, and the curve of all."""
    from .curve import show_curve
    from .prediction_output import show

    for split, why in found.left_out.items():
        render.paragraph(f"warning: {split} is left out: {why}")
    drawn = len(found.curve.points) >= _DRAWN
    listed = drawn and bool(found.curve.front) and len(found.predicted) > 1
    if parts or not listed:
        for asked, predicted in found.predicted:
            show(asked, predicted, parts=parts)
    else:
        for doubt in found.doubts:
            render.paragraph(f"warning: {doubt}")
        for fact in found.facts:
            render.paragraph(fact)
    if drawn:
        show_curve(found.curve, listed=listed)


def _sizes(option: str, words: str) -> tuple[int, ...]:
    try:
        sizes = tuple(int(word) for word in words.split(","))
    except ValueError:
        raise BadInput(
            f"{option} is {shortened(words)!r}", hint=f"write whole numbers: {option} 1,4,8"
        ) from None
    if len(set(sizes)) < len(sizes):
        twice = next(size for size in sizes if sizes.count(size) > 1)
        raise BadInput(f"{option} has {twice} twice", hint="give each once")
    return sizes
