"""Bands of batch size, each of which a model must hold for: decode, small batches, large ones."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class SizeBand:
    """Batch sizes from `first` to `last`, both included; no upper end where `last` is None."""

    first: int
    last: int | None

    @property
    def name(self) -> str:
        """`1-8`, `9-64` or `65+`."""
        return f"{self.first}+" if self.last is None else f"{self.first}-{self.last}"

    @property
    def words(self) -> str:
        """`sizes from 1 to 8`, `sizes from 9 to 64` or `sizes from 65 up`."""
        end = "up" if self.last is None else f"to {self.last}"
        return f"sizes from {self.first} {end}"

    def __contains__(self, tokens: int) -> bool:
        return self.first <= tokens and (self.last is None or tokens <= self.last)


BANDS: Final = (SizeBand(1, 8), SizeBand(9, 64), SizeBand(65, None))


def band_of(tokens: int) -> SizeBand:
    """Give the band that holds a batch size. Raises ValueError below 1."""
    for band in BANDS:
        if tokens in band:
            return band
    raise ValueError(f"{tokens} tokens are in no band, and the first begins at 1")
