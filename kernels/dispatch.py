"""Rows to their experts and back: sort by expert, and add up what the experts of a token give."""

from __future__ import annotations

import torch


def permute(
    x: torch.Tensor, ids: torch.Tensor, experts: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Copy each token's row once for each of its experts, sorted by expert.

    x [tokens, K], ids integers [tokens, top_k] below `experts` -> rows [tokens * top_k, K], the
    rows up to the end of each expert int32 [experts], and where each row's pick stood in ids, int64
    [tokens * top_k]. Within an expert the order of tokens is kept.
    """
    of_row, order = torch.sort(ids.flatten(), stable=True)
    rows = x.index_select(0, order // ids.shape[1])
    numbers = torch.arange(experts, dtype=of_row.dtype, device=x.device)
    return rows, torch.searchsorted(of_row, numbers, right=True, out_int32=True), order


def unpermute(y: torch.Tensor, order: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Bring rows back to their tokens and add them up with their weights: [tokens, K].

    y [tokens * top_k, K] and `order` are as `permute` gives them, weights [tokens, top_k].
    """
    tokens, top_k = weights.shape
    by_token = torch.empty_like(y).index_copy_(0, order, y).view(tokens, top_k, -1)
    return torch.bmm(weights.to(y.dtype)[:, None], by_token)[:, 0]
