"""absorb_q, absorb_v: kv_b's weights as one product a head, around mla_decode.

In decode keys and values stay latent: the weights that would expand the keys are applied to the
query, those that would expand the values to the result (DeepSeek-V2, arXiv 2405.04434, section
2.1.2).

    absorb_q  q [tokens, heads, qk_nope_head_dim], W [heads, qk_nope_head_dim, kv_lora_rank]
              -> [heads, tokens, kv_lora_rank]
    absorb_v  x [tokens, heads, kv_lora_rank], W [heads, kv_lora_rank, v_head_dim]
              -> [heads, tokens, v_head_dim]

All of the scenario's dtype.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import torch

from ...operation import InputFactory, Operation
from ...preset import Preset


def q_inputs(
    take: InputFactory, tokens: int, heads: int, qk_nope_head_dim: int, kv_lora_rank: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Queries without the part of the position, and the weights of keys."""
    return take((tokens, heads, qk_nope_head_dim)), take((heads, qk_nope_head_dim, kv_lora_rank))


def v_inputs(
    take: InputFactory, tokens: int, heads: int, kv_lora_rank: int, v_head_dim: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Latent results, and the weights of values."""
    return take((tokens, heads, kv_lora_rank)), take((heads, kv_lora_rank, v_head_dim))


def run(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Multiply each head by its own weights: [heads, tokens, outputs]."""
    return torch.bmm(x.transpose(0, 1), weight)


def reference(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """The same, by its textbook formula."""
    return torch.einsum("thi,hio->hto", x, weight)


def _flops(shape: tuple[str, ...], tokens: int, preset: Preset) -> int:
    heads, inputs, outputs = preset.sizes(shape)
    return 2 * tokens * heads * inputs * outputs


def _bytes_moved(shape: tuple[str, ...], tokens: int, preset: Preset, dtype_bytes: int) -> int:
    heads, inputs, outputs = preset.sizes(shape)
    return heads * (tokens * (inputs + outputs) + inputs * outputs) * dtype_bytes


def _absorbed(
    name: str, make_inputs: Callable[..., tuple[Any, ...]], inputs: str, outputs: str
) -> Operation:
    shape = ("heads", inputs, outputs)
    return Operation(
        name=name,
        make_inputs=make_inputs,
        run=run,
        reference=reference,
        flops=partial(_flops, shape),
        bytes_moved=partial(_bytes_moved, shape),
        shape=shape,
    )


QUERIES: Final = _absorbed("absorb_q", q_inputs, "qk_nope_head_dim", "kv_lora_rank")
VALUES: Final = _absorbed("absorb_v", v_inputs, "kv_lora_rank", "v_head_dim")
