"""Published models by the sizes of their config.json, and steps of them."""

from dataclasses import replace

import numpy as np

from moeprof.costmodel.steptime.features.deployment import Deployment, Split, deployment
from moeprof.costmodel.steptime.features.steps import Steps
from moeprof.costmodel.steptime.rows.serving_rows import ServingRows, columns_of
from moeprof.costmodel.steptime.rows.workload import workloads
from moeprof.store.serving.whole_model import Experts, LatentAttention, WholeModel

LLAMA_3_8B = WholeModel("llama-3-8b", 32, 4096, 32, 8, 128, 14336, 128256, full_layers=32)
MIXTRAL_8X7B = WholeModel(
    "mixtral-8x7b", 32, 4096, 32, 8, 128, 0, 32000, full_layers=32,
    experts=Experts(8, 2, 14336, layers=32),
)  # fmt: skip
DEEPSEEK_V3 = WholeModel(
    "deepseek-v3", 61, 7168, 128, 128, 128, 18432, 129280, full_layers=61,
    experts=Experts(256, 8, 2048, layers=58, shared_intermediate_size=2048),
    latent=LatentAttention(512, 1536, 64, 128, 128),
)  # fmt: skip
GEMMA_2_9B = WholeModel(
    "gemma-2-9b", 42, 3584, 16, 8, 256, 14336, 256000, full_layers=21, window_tokens=4096, tied=True
)


def served(
    model: WholeModel = LLAMA_3_8B,
    gpu: str = "H100",
    precision: str = "bf16",
    engine: str = "vllm",
    split: Split | None = None,
) -> Deployment:
    """A deployment, on one H100 unless told otherwise."""
    return deployment(model, gpu, precision, engine, Split() if split is None else split)


def decode_steps(running: list[float], context_tokens: float = 1000.0) -> Steps:
    """Steps that decode alone."""
    batch = np.asarray(running, dtype=np.float64)
    return Steps.decode(batch, np.full(len(batch), context_tokens))


def mixed_steps(running: list[float], context_tokens: float = 1000.0) -> Steps:
    """Steps that also prefill: prompts of 800 tokens, one for 400 tokens that are generated."""
    steps = decode_steps(running, context_tokens)
    prompt = np.full(len(running), 800.0)
    share = np.minimum(1.0, steps.running / 400)
    return replace(
        steps, prefill_tokens=2 * steps.running, prompt_tokens=prompt, prefill_share=share
    )


def rows_of(*deployments: Deployment, sizes: int = 8) -> ServingRows:
    """Rows of `sizes` batches for each deployment, without a time."""
    batches = [2.0**at for at in range(sizes)]
    steps = mixed_steps(batches * len(deployments))
    count = len(steps.running)
    unknown, none = np.full(count, np.nan), np.full(count, "")
    return ServingRows(
        deployments=deployments,
        which=np.repeat(np.arange(len(deployments)), sizes),
        steps=steps,
        stated_us=unknown,
        step_us=unknown,
        decode_us=unknown,
        power_w=unknown,
        version=none,
        source=none,
        name=np.asarray([str(at) for at in range(count)]),
        time_s=unknown,
        workload=workloads(steps, unknown),
    )


def many_deployments() -> tuple[Deployment, ...]:
    """Sixteen: four models, four GPUs, two engines, one or two GPUs."""
    models = (LLAMA_3_8B, MIXTRAL_8X7B, DEEPSEEK_V3, GEMMA_2_9B)
    found = []
    for at, model in enumerate(models * 4):
        gpu = ("A100-80G", "H100", "H200", "B200")[at // 4]
        engine = ("vllm", "sglang")[(at // 2) % 2]
        found.append(served(model, gpu, "bf16", engine, Split(tp=1 + at % 2)))
    return tuple(found)


def timed_rows(rows: ServingRows) -> ServingRows:
    """The rows with steps of a plausible machine, with 5 % of noise."""
    columns, rng = columns_of(rows), np.random.default_rng(0)
    reading = 1.2 * (columns["dense_weights"] + columns["expert_weights"] + columns["kv"])
    overhead = 40 * columns["layers"] + 10 * columns["requests"]
    step_us = reading + 1.5 * columns["prefill_dense_flops"] + overhead
    step_us *= np.exp(0.05 * rng.standard_normal(len(rows)))
    return replace(rows, stated_us=step_us, step_us=step_us)
