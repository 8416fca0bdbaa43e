"""What a call of an operation truly costs on a rehearsal's GPU: its kernels, without any noise."""

import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType


def truth_of(script: Path, sizes: Sequence[int]) -> dict[int, tuple[float, float]]:
    """Give time in us and energy in mJ of one call of an isolated script, by batch size."""
    import torch

    module = sys.modules["isolated"] = ModuleType("isolated")
    exec(compile(script.read_bytes(), script, "exec"), vars(module))
    pool = module.Pool()
    found = {}
    with torch.inference_mode():
        for tokens in sizes:
            inputs = module.next_inputs(pool, tokens)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                module.run(*inputs)
            kernels = graph.kernels  # type: ignore[attr-defined]
            found[tokens] = (
                sum(one.duration_s for one in kernels) * 1e6,
                sum(one.duration_s * one.power_w for one in kernels) * 1e3,
            )
    return found
