"""What configurations take beyond the physics: effects of what they share, shrunk.

The logarithm of measured over predicted is a sum of normal effects, one per member of each level,
and of one that belongs to a configuration alone. Their means given the rows are best linear
unbiased predictions (Henderson 1975, Biometrics 31). A step has effects of model and engine, model
and GPU and engine, and version of an engine, each on GPUs of one vendor; power those of model and
precision, precision and engine, GPU and engine.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np

from .features.steps import Array
from .rows.serving_rows import ServingRows, Strings

# Standard deviations of log ratios (docs/steptime-method.md).
_EFFECT: Final = 0.13
_CONFIGURATION: Final = 0.15
_ROW: Final = 0.25
_FAR: Final = 0.7  # largest |log ratio| that the median of a configuration counts as

Levels = Mapping[str, Callable[[ServingRows], Strings]]
# The member of each level that a row belongs to.
STEP_LEVELS: Final[Levels] = {
    "model and engine": lambda rows: joined(rows.models, rows.engines, rows.vendors),
    "model, GPU and engine": lambda rows: joined(rows.models, rows.gpu_names, rows.engines),
    "engine and version": lambda rows: joined(rows.engines, rows.version, rows.vendors),
}
POWER_LEVELS: Final[Levels] = {
    "model and precision": lambda rows: joined(rows.models, rows.precisions),
    "precision and engine": lambda rows: joined(rows.precisions, rows.engines),
    "GPU and engine": lambda rows: joined(rows.gpu_names, rows.engines),
}
_LEVELS: Final[Levels] = {**STEP_LEVELS, **POWER_LEVELS}


@dataclass(frozen=True, slots=True)
class Effects:
    """Effects by level and member, as logarithms of ratios.

    They count only for `models` and `gpus`; None: for any.
    """

    by_level: dict[str, dict[str, float]]
    models: frozenset[str] | None = None
    gpus: frozenset[str] | None = None

    @classmethod
    def fitted(cls, rows: ServingRows, left: Array, levels: Levels) -> Self:
        """Fit `left` of shape (n,), the logarithms of measured over predicted."""
        cells = joined(rows.configurations, rows.version, rows.source)
        _, first, place = np.unique(cells, return_index=True, return_inverse=True)
        middle = np.asarray([np.median(left[place == at]) for at in range(len(first))])
        noise = _CONFIGURATION**2 + _ROW**2 / np.bincount(place)
        members = {name: member_of(rows)[first] for name, member_of in levels.items()}
        same = [one[:, None] == one[None, :] for one in members.values()]
        covariance = _EFFECT**2 * np.sum(same, axis=0) + np.diag(noise)
        pulled = np.linalg.solve(covariance, np.clip(middle, -_FAR, _FAR))
        return cls({name: _sums(one, pulled) for name, one in members.items()})

    def within(self, rows: ServingRows) -> Self:
        """The same for models and GPUs that `rows` have; for others they are 0."""
        models, gpus = (frozenset(map(str, one)) for one in (rows.models, rows.gpu_names))
        return replace(self, models=models, gpus=gpus)

    def plus(self, others: Self) -> Self:
        """The sum of both, member by member; for any model and GPU."""
        return type(self)(
            {
                name: _added(self.by_level.get(name, {}), others.by_level.get(name, {}))
                for name in {**self.by_level, **others.by_level}
            }
        )

    def log_ratio(self, rows: ServingRows) -> Array:
        """What to add to the logarithm of each row's prediction; of shape (n,)."""
        total = np.zeros(len(rows))
        for name, of_level in _LEVELS.items():
            if not (of_member := self.by_level.get(name)):
                continue
            found, place = np.unique(of_level(rows), return_inverse=True)
            total += np.asarray([of_member.get(str(one), 0.0) for one in found])[place]
        for names, limits in ((rows.models, self.models), (rows.gpu_names, self.gpus)):
            if limits is not None:
                total = np.where(np.isin(names, list(limits)), total, 0.0)
        return total


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


def _added(ones: Mapping[str, float], others: Mapping[str, float]) -> dict[str, float]:
    return {name: ones.get(name, 0.0) + others.get(name, 0.0) for name in {**ones, **others}}
