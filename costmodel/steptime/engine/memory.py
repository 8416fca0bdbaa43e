"""What the memory of the GPUs holds: weights, and the cache of so many requests.

An engine takes 0.9 of a GPU's memory (gpu_memory_utilization, the default of vLLM) and measures at
its start what is left for the cache. Beside weights and cache it needs memory for activations and
communication: 2 GiB are assumed. Logs of vLLM tell 0.2 to 2 GiB of dense models and up to 8 GiB.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ....store.errors import BadInput
from ..features.attention import kept_bytes
from ..features.cache_types import BF16_BYTES
from ..features.columns import dense_weights_us, expert_weights_us
from ..features.deployment import Deployment
from ..features.parameters import head_parameters
from ..features.splits import most_tensor_gpus, tensor_splits
from ..features.steps import Array
from .settings import EngineSettings

BLOCK_TOKENS: Final = 16  # vLLM's default block_size
UTILISATION: Final = 0.9
OTHER_BYTES: Final = 2.0 * 2**30


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory of one GPU of a deployment: bytes, and blocks of the cache.

    `room_bytes` is what the GPU has for weights and cache, `weight_bytes` the weights that lie on
    it, which is all but what is offloaded.
    """

    served: Deployment
    room_bytes: float
    weight_bytes: float
    blocks: int

    @property
    def block_bytes(self) -> float:
        """Bytes of one block on one GPU, beside states; of a state where there is nothing else."""
        none, full = cached_bytes(self.served, np.asarray([0.0, BLOCK_TOKENS]))
        return float(full - none or none)

    def blocks_of(self, context_tokens: Array) -> Array:
        """Blocks of requests with so many tokens, each of shape (n,), as the result."""
        whole = np.ceil(context_tokens / BLOCK_TOKENS) * BLOCK_TOKENS
        return np.ceil(cached_bytes(self.served, whole) / self.block_bytes)

    def requests(self, context_tokens: float) -> int:
        """Requests of all groups whose caches fit, if each has so many tokens."""
        of_one = float(self.blocks_of(np.asarray([context_tokens]))[0])
        return int(self.blocks // of_one) * self.served.dp


def memory_of(served: Deployment, settings: EngineSettings) -> Memory:
    """Divide the memory of each GPU.

    Raises BadInput where the weights do not fit, or no block of the cache beside them, and for more
    bytes in the memory of the CPU than the weights have.
    """
    offloaded, all_weights = settings.cpu_offload_bytes, weight_bytes(served)
    if offloaded > all_weights:
        raise BadInput(
            f"cpu-offload-bytes is {offloaded:.4g}, and the weights on a GPU have"
            f" {all_weights:.4g}",
            hint="give the bytes of each GPU, not of all",
        )
    memory = Memory(served, _room_bytes(served, settings), all_weights - offloaded, 0)
    left = memory.room_bytes - memory.weight_bytes
    blocks = settings.num_gpu_blocks or max(0, int(left // memory.block_bytes))
    memory = replace(memory, blocks=blocks)
    if (missing := max(1, blocks) * memory.block_bytes - left) > 0:
        raise _too_large(memory, missing, settings)
    return memory


def _room_bytes(served: Deployment, settings: EngineSettings) -> float:
    """What a GPU has for weights and cache; where the blocks are given, its whole memory."""
    if settings.num_gpu_blocks is not None:
        return served.gpu.memory_bytes
    return UTILISATION * served.gpu.memory_bytes - OTHER_BYTES


def weight_bytes(served: Deployment) -> float:
    """Bytes of the weights that one GPU holds: of all experts, and the embedding too."""
    model = served.model
    count = 0 if model.experts is None else model.experts.count
    read_us = dense_weights_us(served) + expert_weights_us(served, np.asarray([float(count)]))
    embedding = 0.0 if model.tied else head_parameters(model) * BF16_BYTES
    return float(read_us[0]) * served.bytes_per_us + embedding / served.tp


def cached_bytes(served: Deployment, context_tokens: Array) -> Array:
    """Bytes that the cache of one GPU keeps for a request; of shape (n,)."""
    return kept_bytes(served.model, context_tokens, value_bytes=served.kv_value_bytes, tp=served.tp)


def _too_large(memory: Memory, missing: float, settings: EngineSettings) -> BadInput:
    served = memory.served
    taken = memory.weight_bytes + memory.blocks * memory.block_bytes
    sizes = (taken, memory.room_bytes, served.gpu.memory_bytes, missing)
    takes, room, has, short = (f"{size / 1e9:.1f}" for size in sizes)
    return BadInput(
        f"{served.model.name} in {served.precision_name} does not fit on {served.gpus} x"
        f" {served.gpu_name}: weights{' and cache' * (memory.blocks > 0)} take {takes} GB a GPU,"
        f" which has {room} of its {has} GB for weights and cache: {short} GB are missing",
        hint=_way_out(memory, settings),
    )


def _way_out(memory: Memory, settings: EngineSettings) -> str:
    """Fewer blocks, or the smallest tp that would do."""
    served = memory.served
    if memory.weight_bytes + memory.block_bytes < memory.room_bytes:
        return "give a smaller --num-gpu-blocks, or leave it out"
    most = most_tensor_gpus(served.model, served.gpu, served.dp)
    for tp in tensor_splits(served.model, most):
        if tp <= served.tp:
            continue
        on_gpu = weight_bytes(replace(served, tp=tp)) - settings.cpu_offload_bytes
        if on_gpu + memory.block_bytes < _room_bytes(served, settings):
            return f"--tp {tp} would do"
    return f"no --tp up to {most} would do: try another --precision or more --cpu-offload-bytes"
