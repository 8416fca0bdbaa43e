"""Kernels of an H200 whose times are known: reading weights, 5 us, and arithmetic at 60 %."""

from collections.abc import Callable, Iterable
from functools import cache
from math import prod
from typing import Any

import pyarrow as pa

from moeprof.costmodel.model import KernelCostModel
from moeprof.costmodel.steptime.composition.kernels import ModelKernels
from moeprof.costmodel.steptime.composition.products import products_of
from moeprof.store.serving.whole_model import WholeModel
from moeprof.tests.builders import make_model_file, make_points, make_provenance
from moeprof.tests.costmodel.steptime.whole_models import LLAMA_3_8B, MIXTRAL_8X7B, served

BYTES_PER_US = 4.8e6
FLOP_PER_US = 989.5e6
LAUNCH_US = 5.0
SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192]


def computing_us(parameters: float, tokens: float) -> float:
    """Arithmetic of `tokens` at 60 % of the peak of bf16."""
    return 2 * parameters * tokens / (0.6 * FLOP_PER_US)


def product_us(outputs: int, inputs: int) -> Callable[[int], float]:
    """Time of a product by tokens."""
    parameters = outputs * inputs
    reading = 2 * parameters / BYTES_PER_US
    return lambda tokens: reading + LAUNCH_US + computing_us(parameters, tokens)


def experts_us(model: WholeModel) -> Callable[[int], float]:
    """Time of a layer's experts by tokens that are dealt out to all in turns."""
    experts = model.experts
    assert experts is not None
    one = 3 * model.hidden_size * experts.intermediate_size
    top_k, count = experts.top_k, experts.count

    def us(tokens: int) -> float:
        read = min(tokens * top_k, count)
        return 2 * one * read / BYTES_PER_US + LAUNCH_US + computing_us(one, tokens * top_k)

    return us


def curve(op: str, shape: Iterable[int], us: Callable[[int], float], **columns: Any) -> pa.Table:
    """Points of one curve over SIZES; of two sizes with the work of a product."""
    sizes = list(shape)
    name = f"{op}-{'x'.join(map(str, sizes))}"
    named: dict[str, Any] = {"curve": name, "op": op, "shape": sizes, "dtype": "bfloat16"}
    named |= {"latency_source": "kernel"} | columns
    tables = []
    for tokens in SIZES:
        work = {"flops": 2 * tokens * prod(sizes)}
        work["bytes_moved"] = 2 * (prod(sizes) + tokens * sum(sizes))
        tables.append(make_points(us, [tokens], **named, **(work if len(sizes) == 2 else {})))
    return pa.concat_tables(tables)


def curves(*models: WholeModel) -> list[pa.Table]:
    """The products and experts of models on one GPU."""
    found: dict[tuple[int, ...], pa.Table] = {}
    for model in models:
        for one in products_of(served(model, "H200")):
            shape = (one.outputs, one.inputs)
            found[shape] = curve("gemm", shape, product_us(*shape))
        if (experts := model.experts) is not None:
            shape = (model.hidden_size, experts.intermediate_size)
            picks = {"experts": experts.count, "top_k": experts.top_k}
            found[(0, *shape)] = curve("moe_balanced", shape, experts_us(model), **picks)
    return list(found.values())


def kernel_model(*tables: pa.Table, device: str = "NVIDIA H200") -> KernelCostModel:
    """A model of these points, measured on a GPU."""
    provenance = make_provenance("cuda", device_name=device)
    return KernelCostModel.from_file(make_model_file(*tables, provenance=provenance))


@cache
def h200_kernels() -> ModelKernels:
    """Those of llama-3-8b and mixtral-8x7b."""
    return ModelKernels(kernel_model(*curves(LLAMA_3_8B, MIXTRAL_8X7B)))
