"""How tokens are distributed over experts: a named distribution, or recorded counts.

A distribution is the number of tokens of each expert in a batch: a recorded one, or one of 4096
tokens in which each expert gets its share.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from ...store.errors import BadInput, shortened
from ...store.files import read_text

UNIFORM: Final = "uniform"
_ZIPF: Final = "zipf:"
_COUNTS: Final = "counts:"
_TOKENS: Final = 4096  # batch that stands for a distribution without recorded counts
_MOST_TOKENS: Final = 1 << 16  # a larger recorded batch is scaled down to one of so many
_MOST_SKEW: Final = 10.0
_MOST_BYTES: Final = 1 << 16
_HINT: Final = "write uniform, zipf:SKEW such as zipf:1.2, or a JSON file of recorded counts"


@dataclass(frozen=True, slots=True)
class Distribution:
    """The tokens of each expert in a batch of `tokens`; `slug` names it in the keys of scenarios.

    Each count is at most `tokens`, and their sum is top_k times as much.
    """

    slug: str
    tokens: int
    counts: tuple[int, ...]

    def held_shares(self, ranks: int = 1) -> tuple[float, ...]:
        """The chance of a token to go to each expert that one of `ranks` ranks holds.

        Experts are dealt out to ranks in turns, and the rank is the first.
        """
        return tuple(count / self.tokens for count in self.counts[::ranks])

    def expected_active(self, tokens: int, ranks: int = 1) -> float:
        """Expected experts of a rank that get a token where each of `ranks` brings `tokens`.

        Tokens choose independently: an expert is idle where none of them chose it, so that of all
        experts sum(1 - (1 - share)^tokens) are active; E (1 - (1 - k/E)^tokens) for equal shares.
        """
        return sum(1 - (1 - share) ** (tokens * ranks) for share in self.held_shares(ranks))


@lru_cache
def distribution(words: str, experts: int, top_k: int) -> Distribution:
    """Read "uniform", "zipf:SKEW" or "counts:TOKENS:COUNT,COUNT,…", a count for each expert.

    Under Zipf's law the expert e, from 1 on, gets a share of e^-SKEW, and at most every token.
    Raises BadInput for other words, a skew outside 0 to 10, and counts that no routing of TOKENS
    tokens to `top_k` of `experts` different experts gives.
    """
    if words == UNIFORM:
        return Distribution(UNIFORM, _TOKENS, _zipf_counts(0.0, experts, top_k))
    if words.startswith(_ZIPF):
        skew = _skew(words.removeprefix(_ZIPF))
        return Distribution(f"zipf{skew:g}", _TOKENS, _zipf_counts(skew, experts, top_k))
    if words.startswith(_COUNTS):
        return _recorded(words, experts, top_k)
    raise BadInput(f"the routing is {shortened(words)!r}", hint=_HINT)


def distribution_words(given: str) -> str:
    """The words of `distribution` for uniform, zipf:SKEW or the path of a file of counts.

    Raises BadInput for a path where no file is, and for a file of something else.
    """
    if given == UNIFORM or given.startswith(_ZIPF):
        return given
    if not Path(given).exists():
        raise BadInput(f"the routing {shortened(given)!r} is unknown, and no file", hint=_HINT)
    return recorded_counts(Path(given))


def recorded_counts(path: Path) -> str:
    """Read a JSON file {"tokens": N, "counts": [N_0, N_1, …]} as words of `distribution`.

    Raises BadInput for a file of something else.
    """
    hint = 'write {"tokens": 64, "counts": [3, 9, …]}: of 64 tokens, 3 go to the first expert'
    try:
        found = json.loads(read_text(path, _MOST_BYTES))
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path} is not JSON: {error}", hint=hint) from error
    tokens, counts = (found.get("tokens"), found.get("counts")) if _is_table(found) else (None, 0)
    if not isinstance(counts, list) or not all(map(_is_count, [tokens, *counts])):
        raise BadInput(f"{path} has no whole numbers of tokens and counts of experts", hint=hint)
    return f"{_COUNTS}{tokens}:{','.join(map(str, counts))}"


def _is_table(value: Any) -> bool:
    return isinstance(value, dict)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 31


def _skew(text: str) -> float:
    try:
        skew = float(text)
    except ValueError:
        skew = -1.0
    if not 0 <= skew <= _MOST_SKEW:
        raise BadInput(
            f"the skew of zipf is {shortened(text)!r}, and must lie in 0..{_MOST_SKEW:g}",
            hint=_HINT,
        )
    return skew


def _zipf_counts(skew: float, experts: int, top_k: int) -> tuple[int, ...]:
    """Counts of the experts in _TOKENS tokens: no expert gets a token twice."""
    weights = [rank**-skew for rank in range(1, experts + 1)]
    total = sum(weights)
    whole = 0  # experts that every token goes to
    while whole < experts and weights[whole] * (top_k - whole) > total:
        total -= weights[whole]
        whole += 1
    shares = [weight * (top_k - whole) / total for weight in weights[whole:]]
    return _rounded([1.0] * whole + shares, _TOKENS * top_k)


def _rounded(shares: Sequence[float], total: int) -> tuple[int, ...]:
    """Whole numbers in proportion to `shares` with the sum `total`, by the largest remainders."""
    whole = sum(shares)
    wanted = [share * total / whole for share in shares]
    counts = [int(one) for one in wanted]
    by_remainder = sorted(range(len(counts)), key=lambda at: counts[at] - wanted[at])
    for at in by_remainder[: total - sum(counts)]:
        counts[at] += 1
    return tuple(counts)


def _recorded(words: str, experts: int, top_k: int) -> Distribution:
    tokens, _, listed = words.removeprefix(_COUNTS).partition(":")
    try:
        batch, counts = int(tokens), tuple(map(int, listed.split(",")))
    except ValueError:
        raise BadInput(f"the routing is {shortened(words)!r}", hint=_HINT) from None
    hint = "record the tokens of every expert in one batch of one layer"
    if len(counts) != experts:
        raise BadInput(f"{len(counts)} experts have counts, and there are {experts}", hint=hint)
    if sum(counts) != batch * top_k:
        raise BadInput(
            f"the counts of the experts sum to {sum(counts)}, and {batch} tokens to {top_k}"
            f" experts each make {batch * top_k}",
            hint=hint,
        )
    if not 0 <= min(counts) <= max(counts) <= batch or batch < 1:
        raise BadInput(
            f"an expert has {min(counts)} or {max(counts)} of {batch} tokens, and each token goes"
            " to an expert once at most",
            hint=hint,
        )
    slug = f"counts{hashlib.sha256(words.encode()).hexdigest()[:8]}"
    if batch > _MOST_TOKENS:
        batch, counts = _MOST_TOKENS, _rounded(counts, _MOST_TOKENS * top_k)
    return Distribution(slug, batch, counts)
