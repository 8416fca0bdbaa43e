"""The options of `moeprof steptime predict`: their types, and what the help says of them."""

from pathlib import Path
from typing import Annotated, Final

import typer

_ENGINE: Final = "Engine settings, as vLLM names them"

File = Annotated[Path, typer.Argument(metavar="FILE", help="step_time_model.json.")]
Name = Annotated[str, typer.Option("--model", help="A model that FILE holds, or a config.json.")]
Gpu = Annotated[str, typer.Option("--gpu", help="Name of a GPU, such as H100.")]
Batch = Annotated[
    str,
    typer.Option("--batch", help="Requests at once, of all --dp groups together, such as 1,8,64."),
]
Prompt = Annotated[int, typer.Option("--prompt", help="Tokens of a prompt.")]
Output = Annotated[
    int | None,
    typer.Option(
        "--output", help="Tokens that a request generates; if left out, steps decode alone."
    ),
]
Tp = Annotated[str, typer.Option("--tp", help="GPUs that split each layer; several as 1,2,4,8.")]
Ep = Annotated[int, typer.Option("--ep", help="GPUs that experts stay whole on; 1: slices.")]
Dp = Annotated[
    int,
    typer.Option("--dp", help="Groups that each hold the whole attention, and share --batch."),
]
Precision = Annotated[
    str | None,
    typer.Option(
        "--precision",
        help="Of the weights, such as fp8; if left out, as the config.json says, else bf16.",
    ),
]
Engine = Annotated[str, typer.Option("--engine", help="vllm, sglang, trtllm; others are pooled.")]
Own = Annotated[
    Path | None,
    typer.Option("--calibrate", metavar="CSV", help="Your own steps of this: batch,step_us."),
]
Kernels = Annotated[
    Path | None,
    typer.Option(
        "--kernel-model",
        metavar="FILE",
        help="Kernels of the GPU, kernel_cost_model.json, that the model was fitted with.",
    ),
]
ActiveExperts = Annotated[
    str | None,
    typer.Option(
        "--active-experts",
        metavar="N|FILE",
        help="Experts per layer that a routing policy activates: one number for all batches or one"
        " for each, a plan (route plan --json), or a log of the router.",
    ),
]
BatchedTokens = Annotated[
    int | None,
    typer.Option(
        "--max-num-batched-tokens",
        help="Tokens that a step computes at most: longer prompts come in chunks.",
        rich_help_panel=_ENGINE,
    ),
]
Seqs = Annotated[
    int | None,
    typer.Option("--max-num-seqs", help="Requests that run at most.", rich_help_panel=_ENGINE),
]
ModelLen = Annotated[
    int | None,
    typer.Option(
        "--max-model-len",
        help="Tokens of a request at most; if left out, the model's.",
        rich_help_panel=_ENGINE,
    ),
]
KvCacheDtype = Annotated[
    str,
    typer.Option(
        "--kv-cache-dtype",
        help="Of the cache's values: auto, which is 16 bits, or fp8.",
        rich_help_panel=_ENGINE,
    ),
]
Blocks = Annotated[
    int | None,
    typer.Option(
        "--num-gpu-blocks",
        help="Blocks of the cache, of 16 tokens; if left out, what 0.9 of the memory leaves.",
        rich_help_panel=_ENGINE,
    ),
]
Offload = Annotated[
    float,
    typer.Option(
        "--cpu-offload-bytes",
        help="Bytes of each GPU's weights that lie in the memory of the CPU.",
        rich_help_panel=_ENGINE,
    ),
]
PrefixHit = Annotated[
    float,
    typer.Option(
        "--prefix-hit",
        help="Share of a prompt's tokens that the cache has already, 0 to 1.",
        rich_help_panel=_ENGINE,
    ),
]
Parts = Annotated[bool, typer.Option("--parts", help="Show what each step consists of.")]
Report = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="HTML",
        help="Write the curve of energy against time, and all points, as one page.",
    ),
]
