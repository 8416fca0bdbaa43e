"""A fit of one model, two GPUs and an engine."""

from moeprof.store.serving.step_time_model import OwnSpread, StepFit

FIT = StepFit(
    method="blackbox", physics=None, srfa=None, blackbox={}, baseline={}, units={},
    only_as_sum=(), hyperparameters={}, scores={}, models=("llama-3-8b",), gpus=("H100", "H200"),
    engines=("vllm",), domain={}, factors={"50": 1.1, "90": 1.5}, spread=OwnSpread((), 0.01),
    rows=64, configurations=16, precisions=("bf16 of a dense model",),
)  # fmt: skip
