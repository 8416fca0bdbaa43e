"""Which experts a decode batch reads, decided in one top-k: the rule of kernels/active_set."""

import numpy as np
import torch

from ...kernels.active_set import active_set


def one_pass(scores: torch.Tensor, charges: torch.Tensor, k: int) -> torch.Tensor:
    """The experts to keep, bool [experts], of `scores` [tokens, experts] of 0 or more.

    A token values an expert at what its score is above the token's score of rank k + 1, as a share
    of the sum of its k best scores. An expert is kept if all tokens together value it at no less
    than its `charges` float32 [experts], or if it is some token's first choice.

    On a GPU the kernel decides. On a CPU a top-k and numpy take a tenth of the time of its
    reference, which decides where a first choice is left open: by equal scores, or NaN.

    Raises BadInput as kernels/active_set does.
    """
    if not _is_plain(scores, charges, k):
        return active_set(scores, charges, k)[2]
    best, ids = scores.topk(k + 1)
    ranked, experts = best.numpy(), ids.numpy()
    mass = ranked[:, :k].sum(axis=1, keepdims=True)
    first = (ranked[:, 0] > ranked[:, 1]).all()
    if not (first and ranked[:, -1].min() >= 0 and mass.max() < np.inf):
        return active_set(scores, charges, k)[2]
    values = (ranked[:, :k] - ranked[:, k:]) / mass
    picked = experts[:, :k]
    worth = np.bincount(picked.ravel(), values.ravel(), minlength=scores.shape[1])
    kept = worth >= charges.numpy()
    kept[experts[:, 0]] = True
    return torch.from_numpy(kept)


def _is_plain(scores: torch.Tensor, charges: torch.Tensor, k: int) -> bool:
    """Whether numpy can read all of it, in shapes that fit together."""
    return (
        scores.is_cpu
        and charges.is_cpu
        and scores.dtype == charges.dtype == torch.float32
        and not (scores.requires_grad or charges.requires_grad)
        and scores.dim() == 2
        and charges.shape == scores.shape[1:]
        and type(k) is int
        and 1 <= k < min(scores.shape[1], 33)
        and 0 < len(scores)
    )
