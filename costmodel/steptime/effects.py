"""What configurations take beyond the physics: effects of what they share, shrunk.

The logarithm of measured over predicted is a sum of normal effects, one per model and engine, model
and GPU and engine, and version of an engine, each on GPUs of one vendor; and of one that belongs to
a configuration alone. Their means given the rows are best linear unbiased predictions (Henderson
1975, Biometrics 31). What belongs to a model or a GPU that no row has is unknown: 0.
"""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from .features.steps import Array
from .rows.serving_rows import ServingRows, Strings

_EFFECT: Final = 0.13  # standard deviations of logarithms; docs/steptime-method.md
_OWN: Final = 0.15
_ROW: Final = 0.25
_FAR: Final = 0.7  # the median of a configuration counts as at most so far off


@dataclass(frozen=True, slots=True)
class Effects:
    """Effects by level and member, as |log| ratios; `models` and `gpus` are those with rows."""

    by_level: dict[str, dict[str, float]]
    models: frozenset[str]
    gpus: frozenset[str]

    @classmethod
    def fitted(cls, rows: ServingRows, predicted_us: Array) -> Self:
        """Fit what `predicted_us` of shape (n,) leaves."""
        cells = joined(rows.configurations, rows.version, rows.source)
        _, first, place = np.unique(cells, return_index=True, return_inverse=True)
        left = np.log(rows.step_us / predicted_us)
        middle = np.asarray([np.median(left[place == at]) for at in range(len(first))])
        noise = _OWN**2 + _ROW**2 / np.bincount(place)
        levels = {name: members[first] for name, members in levels_of(rows).items()}
        same = [members[:, None] == members[None, :] for members in levels.values()]
        covariance = _EFFECT**2 * np.sum(same, axis=0) + np.diag(noise)
        pulled = np.linalg.solve(covariance, np.clip(middle, -_FAR, _FAR))
        by_level = {name: _sums(members, pulled) for name, members in levels.items()}
        models, gpus = (frozenset(map(str, one)) for one in (rows.models, rows.gpu_names))
        return cls(by_level, models, gpus)

    def log_ratio(self, rows: ServingRows) -> Array:
        """What to add to the logarithm of each row's prediction; of shape (n,)."""
        known = np.isin(rows.models, list(self.models)) & np.isin(rows.gpu_names, list(self.gpus))
        total = np.zeros(len(rows))
        for name, members in levels_of(rows).items():
            found, place = np.unique(members, return_inverse=True)
            of_member = self.by_level.get(name, {})
            total += np.asarray([of_member.get(str(one), 0.0) for one in found])[place]
        return np.where(known, total, 0.0)


def levels_of(rows: ServingRows) -> dict[str, Strings]:
    """The member of each level that a row belongs to."""
    vendors = rows.vendors
    return {
        "model and engine": joined(rows.models, rows.engines, vendors),
        "model, GPU and engine": joined(rows.models, rows.gpu_names, rows.engines),
        "engine and version": joined(rows.engines, rows.version, vendors),
    }


def joined(*parts: Strings) -> Strings:
    """Texts of the rows, with " | " between."""
    whole = parts[0]
    for part in parts[1:]:
        whole = np.char.add(np.char.add(whole, " | "), part)
    return whole


def _sums(members: Strings, pulled: Array) -> dict[str, float]:
    """The effect of each member: its prior variance times what its cells pull at it."""
    names, place = np.unique(members, return_inverse=True)
    sums = np.bincount(place, weights=pulled) * _EFFECT**2
    return {str(name): float(value) for name, value in zip(names, sums, strict=True)}
