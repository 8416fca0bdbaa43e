"""`moeprof steptime predict`: steps of one deployment over batch sizes."""

from ...store.errors import BadInput, shortened
from .. import render
from ..options import Json
from . import deployment_options as of


def predict(
    file: of.File,
    model: of.Name,
    gpu: of.Gpu,
    batch: of.Batch,
    prompt: of.Prompt = 1000,
    output: of.Output = None,
    tp: of.Tp = 1,
    ep: of.Ep = 1,
    dp: of.Dp = 1,
    precision: of.Precision = "bf16",
    engine: of.Engine = "vllm",
    calibrate: of.Own = None,
    max_num_batched_tokens: of.BatchedTokens = None,
    max_num_seqs: of.Seqs = None,
    max_model_len: of.ModelLen = None,
    num_gpu_blocks: of.Blocks = None,
    cpu_offload_bytes: of.Offload = 0.0,
    prefix_hit: of.PrefixHit = 0.0,
    parts: of.Parts = False,
    json: Json = False,
) -> None:
    """Predict the steps of a served model: time, parts, power, energy.

    \b
    moeprof steptime predict FILE --model llama-3-70b --gpu H100 --tp 4 --batch 1,64
    moeprof steptime predict FILE --model deepseek-v3 --gpu B200 --tp 8 \\
        --precision fp8 --engine sglang --batch 64 --output 500 --parts
    """  # noqa: D301 - the help is not rewrapped below a backspace, and a raw string holds none
    from ...pipeline.steptime.predict import Asked, EngineSettings, as_data
    from ...pipeline.steptime.predict import predict as predicted
    from .prediction_output import show

    settings = EngineSettings(
        max_num_batched_tokens,
        max_num_seqs,
        max_model_len,
        num_gpu_blocks,
        cpu_offload_bytes,
        prefix_hit,
    )
    sizes = _sizes(batch)
    asked = Asked(
        model, gpu, precision, engine, tp, ep, dp, sizes, prompt, output, calibrate, settings
    )
    found = predicted(file, asked)
    if json:
        render.data(as_data(asked, found))
        return
    show(asked, found, parts=parts)


def _sizes(words: str) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in words.split(","))
    except ValueError:
        raise BadInput(
            f"--batch is {shortened(words)!r}", hint="write whole numbers: --batch 1,8,64"
        ) from None
