"""Steps of a served model: what each of them works on."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Tokens of prompts from which a step counts as one of prompts: the shortest of the public rows.
WHOLE_TOKENS: Final = 128.0


@dataclass(frozen=True, slots=True)
class Steps:
    """What n steps of one deployment work on; each array has shape (n,).

    `running` requests decode one token each, at a mean context of `context_tokens`. Beside them
    `prefill_tokens` of prompts are computed, of prompts of `prompt_tokens` on average;
    `prefill_share` of the steps hold any. `active_experts` of a layer with routed experts get a
    token that decodes, in the mean; None for as many as equal chances give. `cached_tokens` of each
    prompt are in the cache before: they are attended to, and not computed; None for no such ones.
    All are of the whole instance, not of a GPU.
    """

    running: Array
    context_tokens: Array
    prefill_tokens: Array
    prompt_tokens: Array
    prefill_share: Array
    active_experts: Array | None = None
    cached_tokens: Array | None = None

    @property
    def prefill_step_tokens(self) -> Array:
        """Tokens of prompts in each step that holds any; of shape (n,)."""
        return self.prefill_tokens / np.where(self.prefill_share > 0, self.prefill_share, 1.0)

    @property
    def reading_share(self) -> Array:
        """The steps that read weights for prompts as well, as a share of all; of shape (n,).

        A step of few tokens of prompts has so much of what one of WHOLE_TOKENS takes beside them:
        they go through the layers with the tokens that decode, whose weights are read anyway.
        """
        return self.prefill_share * np.minimum(1.0, self.prefill_step_tokens / WHOLE_TOKENS)

    def taken(self, rows: NDArray[np.intp]) -> Self:
        """The steps at `rows`."""
        active, cached = self.active_experts, self.cached_tokens
        return type(self)(
            self.running[rows],
            self.context_tokens[rows],
            self.prefill_tokens[rows],
            self.prompt_tokens[rows],
            self.prefill_share[rows],
            None if active is None else active[rows],
            None if cached is None else cached[rows],
        )

    @classmethod
    def decode(cls, running: Array, context_tokens: Array) -> Self:
        """Steps that decode alone."""
        none = np.zeros(len(running))
        return cls(running, context_tokens, none, none, none)
