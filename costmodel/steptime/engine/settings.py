"""Settings of a serving engine, by the names that vLLM gives them.

A setting that is None is the engine's own choice: no bound, or what the memory of the GPUs gives.
"""

from dataclasses import dataclass
from math import isfinite

from ....store.errors import BadInput

_MOST = 1e15  # no machine has so many bytes


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What bounds the steps of an engine; each of its data-parallel groups has the settings.

    `max_num_batched_tokens` bounds the tokens that a step computes, so that prompts come in chunks
    (Agrawal et al. 2024, OSDI), and `max_num_seqs` the requests that run. `max_model_len` bounds
    the tokens of a request. `num_gpu_blocks` are blocks of the cache, of 16 tokens each.
    `cpu_offload_bytes` of each GPU's weights lie in the memory of the CPU. `prefix_hit` is the
    share of a prompt's tokens that the cache has already. `kv_cache_dtype` is the type of its
    values: "auto", which is 16 bits, or "fp8".
    Raises BadInput for a size below 1, and a share that is not within 0 to 1.
    """

    max_num_batched_tokens: int | None = None
    max_num_seqs: int | None = None
    max_model_len: int | None = None
    num_gpu_blocks: int | None = None
    cpu_offload_bytes: float = 0.0
    prefix_hit: float = 0.0
    kv_cache_dtype: str = "auto"

    def __post_init__(self) -> None:
        """Refuse what no engine can be set to."""
        for name in ("max_num_batched_tokens", "max_num_seqs", "max_model_len", "num_gpu_blocks"):
            size = getattr(self, name)
            if size is not None and not 1 <= size <= _MOST:
                raise _refusal(name, size, f"must be a whole number from 1 to {_MOST:g}")
        if not (isfinite(self.cpu_offload_bytes) and 0 <= self.cpu_offload_bytes <= _MOST):
            raise _refusal("cpu_offload_bytes", self.cpu_offload_bytes, "must be bytes, 0 or more")
        if not 0 <= self.prefix_hit <= 1:
            raise _refusal("prefix_hit", self.prefix_hit, "must be a share of the prompt, 0 to 1")


def _refusal(name: str, value: float, rule: str) -> BadInput:
    option = name.replace("_", "-")
    return BadInput(f"{option} is {value:g}, and {rule}", hint=f"correct --{option}")
