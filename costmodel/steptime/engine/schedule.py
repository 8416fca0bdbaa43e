"""What an engine makes of requests: how many of them run, and what a mean step computes.

Requests come in a closed loop: each that ends is followed by another. Running requests decode one
token a step; what the bound of tokens leaves of a step computes prompts, in chunks.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ....store.errors import BadInput
from ..features.deployment import Deployment
from ..features.steps import Array, Steps
from .memory import Memory
from .preemption import Preempted, preempted
from .settings import EngineSettings

_LONGEST: Final = 1e9  # tokens


@dataclass(frozen=True, slots=True)
class Requests:
    """`at_once` requests of a client, of shape (n,), each with a prompt and an output.

    `output_tokens` is None for requests that decode alone, at a context of `prompt_tokens`.
    Raises BadInput for a size below 1, or above 1e9.
    """

    at_once: Array
    prompt_tokens: int
    output_tokens: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no request is."""
        sizes = [("batch", size) for size in self.at_once.tolist()]
        sizes.append(("prompt", self.prompt_tokens))
        if self.output_tokens is not None:
            sizes.append(("output", self.output_tokens))
        for name, size in sizes:
            if not 1 <= size <= _LONGEST:
                raise BadInput(
                    f"{name} is {size:g}, and must be 1 to {_LONGEST:g}", hint=f"correct --{name}"
                )

    @property
    def longest_tokens(self) -> int:
        """Prompt and output."""
        return self.prompt_tokens + (self.output_tokens or 0)

    @property
    def context_tokens(self) -> float:
        """The mean context of a request that runs: its prompt and half of its output."""
        return self.prompt_tokens + (self.output_tokens or 0) / 2


@dataclass(frozen=True, slots=True)
class Schedule:
    """Mean steps of n batches, and what bounds them; arrays have shape (n,).

    `fitting` requests have room in the cache at their mean context. `preemptions` of a request and
    `recomputed_tokens` of it are those of a cache that is too small. `bounds` names the setting
    that keeps the running requests below those asked for, "" where none does.
    """

    steps: Steps
    fitting: int
    preemptions: Array
    recomputed_tokens: Array
    bounds: tuple[str, ...]


def schedule(
    served: Deployment, memory: Memory, settings: EngineSettings, requests: Requests
) -> Schedule:
    """The steps that an engine with such settings makes.

    Raises BadInput for requests that are longer than the model or the engine takes, and for a cache
    that does not hold one of them.
    """
    _check_length(served, settings, requests)
    fitting = memory.requests(requests.context_tokens)
    if memory.requests(requests.longest_tokens) < 1:
        raise BadInput(
            f"a request of {requests.longest_tokens} tokens takes more than the cache of"
            f" {memory.blocks} blocks, {memory.blocks * memory.block_bytes / 1e9:.1f} GB a GPU",
            hint="give shorter requests, a larger --tp or more --num-gpu-blocks",
        )
    seats = settings.max_num_seqs * served.dp if settings.max_num_seqs else np.inf
    seated = np.minimum(requests.at_once, seats)
    if requests.output_tokens is None:
        losses = [Preempted(float(one)) for one in np.minimum(seated, fitting)]
    else:
        losses = [_of_all_groups(memory, float(one), requests) for one in seated]
    running = np.asarray([one.running for one in losses])
    again = np.asarray([one.tokens for one in losses])
    steps = _steps(settings, requests, running, again, served.dp)
    bounds = zip(requests.at_once, seated, running, steps.running, strict=True)
    return Schedule(
        steps=steps,
        fitting=fitting,
        preemptions=np.asarray([one.times for one in losses]),
        recomputed_tokens=again,
        bounds=tuple(_bound(*map(float, one)) for one in bounds),
    )


def _check_length(served: Deployment, settings: EngineSettings, requests: Requests) -> None:
    model, longest = served.model, requests.longest_tokens
    most, bound = model.max_context_tokens, settings.max_model_len
    if most is not None and max(longest, bound or 0) > most:
        asked, option = f"a request of {longest} tokens", "--prompt and --output together"
        if longest <= most:
            asked, option = f"max-model-len {bound}", "--max-model-len"
        raise BadInput(
            f"{asked} is beyond the {most} tokens that {model.name} was made for",
            hint=f"give {option} of {most} tokens at most",
        )
    if bound is not None and longest > bound:
        raise BadInput(
            f"a request of {longest} tokens is beyond max-model-len {bound}",
            hint="give a larger --max-model-len, or shorter --prompt and --output",
        )


def _of_all_groups(memory: Memory, seated: float, requests: Requests) -> Preempted:
    """What the cache lets run; each data-parallel group has its share of the requests."""
    groups, output = memory.served.dp, float(requests.output_tokens or 0)
    found = preempted(memory, seated / groups, float(requests.prompt_tokens), output)
    return Preempted(found.running * groups, found.times, found.tokens)


def _steps(
    settings: EngineSettings, requests: Requests, running: Array, again: Array, groups: int
) -> Steps:
    """Mean steps of `running` requests, of which each computes `again` tokens beside its prompt."""
    hit = settings.prefix_hit * requests.prompt_tokens
    budget = np.inf
    if settings.max_num_batched_tokens is not None:
        budget = float(settings.max_num_batched_tokens * groups)
    context = np.full(len(running), requests.context_tokens)
    if (output := requests.output_tokens) is None:
        return Steps.decode(np.minimum(running, budget), context)
    own = max(1.0, requests.prompt_tokens - hit)
    per_token = (own + again) / output
    decoding = np.minimum(running, budget / (1 + per_token))
    computed = decoding * per_token
    chunks = np.maximum(1.0, own / (budget - decoding))
    share = np.minimum(1.0, decoding / output * (1 + again / own) * chunks)
    prompt = np.full(len(running), float(requests.prompt_tokens))
    return Steps(decoding, context, computed, prompt, share, cached_tokens=prompt - own)


def _bound(asked: float, seated: float, cached: float, decoding: float) -> str:
    """The setting that bounds the most."""
    if decoding < cached:
        return "max-num-batched-tokens"
    if cached < seated:
        return "cache"
    return "max-num-seqs" if seated < asked else ""
