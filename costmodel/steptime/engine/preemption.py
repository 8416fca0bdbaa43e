"""What a cache that is too small costs: requests that are put off lose it, and compute it again.

A request is admitted as soon as the cache holds its tokens, and takes more of it with each token it
generates. When none is left, the engine frees the cache of the request that it admitted last, and
computes the tokens of that one again later (preemption by recomputation, vLLM's only kind since
its version 1). No public row tells of it: it is simulated, for requests of equal lengths.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ..features.steps import Array
from .memory import Memory

_TICKS: Final = 250  # parts of a request's lifetime
_SETTLING: Final = 2  # lifetimes
_WATCHED: Final = 4


@dataclass(frozen=True, slots=True)
class Preempted:
    """Requests that run in the mean, and what one of them loses until it has ended.

    `times` is how often it is preempted, `tokens` what is computed again of its prompt and output.
    """

    running: float
    times: float = 0.0
    tokens: float = 0.0


def preempted(
    memory: Memory, requests: float, prompt_tokens: float, output_tokens: float
) -> Preempted:
    """Simulate one group of GPUs with so many requests, each followed by another when it ends.

    `memory` must hold one request of prompt and output.
    """
    at_most = float(memory.blocks_of(np.asarray([prompt_tokens + output_tokens]))[0])
    if requests * at_most <= memory.blocks:
        return Preempted(requests)
    cache = _Cache.filled(memory, requests, prompt_tokens, output_tokens)
    for _ in range(_SETTLING * _TICKS):
        cache.tick()
    cache.forget()
    for _ in range(_WATCHED * _TICKS):
        cache.tick()
    ended = max(cache.ended, 1)
    running = cache.running_ticks / (_WATCHED * _TICKS)
    return Preempted(running, cache.losses / ended, cache.lost_tokens / ended)


@dataclass(slots=True)
class _Cache:
    """Requests that run, in the order of their admission, and those that wait.

    `generated` are the tokens of each that runs, `put_off` those of preempted ones: the last is
    admitted first. `fresh` others wait that were never admitted.
    """

    memory: Memory
    prompt: float
    output: float
    generated: Array
    put_off: list[float]
    fresh: float
    ended: int = 0
    losses: int = 0
    lost_tokens: float = 0.0
    running_ticks: int = 0

    @classmethod
    def filled(cls, memory: Memory, requests: float, prompt: float, output: float) -> "_Cache":
        """A cache that holds as many requests as fit at their mean length, evenly spread."""
        mean = float(memory.blocks_of(np.asarray([prompt + output / 2]))[0])
        count = max(1, int(min(requests, memory.blocks // mean)))
        spread = output * np.arange(count - 1, -1, -1) / count
        return cls(memory, prompt, output, spread, [], requests - count)

    def forget(self) -> None:
        """Begin to count anew."""
        self.ended, self.losses, self.lost_tokens, self.running_ticks = 0, 0, 0.0, 0

    def tick(self) -> None:
        """Let every running request generate a part of its output."""
        grown = self.generated + self.output / _TICKS
        ends = grown >= self.output * (1 - 1e-9)
        self.generated = grown[~ends]
        self.ended += int(ends.sum())
        self.fresh += int(ends.sum())
        blocks = self.memory.blocks_of(self.prompt + self.generated)
        used = float(blocks.sum())
        if used > self.memory.blocks:
            self._put_off(blocks)
        else:
            self._admit(used)
        self.running_ticks += len(self.generated)

    def _put_off(self, blocks: Array) -> None:
        """Preempt the requests that were admitted last, until the others fit."""
        kept = int(np.searchsorted(np.cumsum(blocks), self.memory.blocks, side="right"))
        lost = self.generated[kept:]
        self.put_off.extend(lost[::-1].tolist())
        self.losses += len(lost)
        self.lost_tokens += float((self.prompt + lost).sum())
        self.generated = self.generated[:kept]

    def _admit(self, used: float) -> None:
        """Admit requests while their tokens fit: preempted ones first."""
        admitted = []
        while self.put_off or self.fresh >= 1:
            tokens = self.put_off[-1] if self.put_off else 0.0
            used += float(self.memory.blocks_of(np.asarray([self.prompt + tokens]))[0])
            if used > self.memory.blocks:
                break
            if self.put_off:
                self.put_off.pop()
            else:
                self.fresh -= 1
            admitted.append(tokens)
        self.generated = np.concatenate([self.generated, admitted])
