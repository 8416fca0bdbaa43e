"""Weights in the memory of the CPU: what each step takes longer to read them over the host's link.

vLLM (cpu_offload_gb) lets kernels read such weights where they lie, in every step. No public row
tells of it: it is counted at the data sheet's rate of the link, so that it is the least it takes.
The cache's own offloading is something else and not counted.
"""

from ..features.deployment import Deployment
from ..features.experts import active_experts, decoding_experts
from ..features.steps import Array, Steps
from ..roofline import weights_us
from .memory import weight_bytes
from .settings import EngineSettings


def offload_us(served: Deployment, steps: Steps, settings: EngineSettings) -> Array:
    """How much longer each step takes, in us of shape (n,).

    The same share of every weight is taken to lie there. What comes over the link is no longer
    read from the GPU's memory. Prompts read the experts that they reach and no token that decodes.
    """
    share = settings.cpu_offload_bytes / weight_bytes(served)
    decode = decoding_experts(served.model, steps)
    prefill = active_experts(served.model, steps.prefill_step_tokens)
    decoded = decode / served.model.experts.count if served.model.experts else 0.0
    experts = decode + steps.reading_share * prefill * (1 - decoded)
    slower = served.bytes_per_us / served.host_bytes_per_us - 1
    return share * slower * weights_us(served, experts)
