"""Points of one's own: what one configuration takes beyond the prediction, from few of its steps.

The logarithm of measured over predicted is a line over log batch, log context and log prefill
tokens per request, whose coefficients are normal around 0. Their covariance is learnt from the
configurations of the training rows by expectation and maximisation (Laird and Ware 1982, Biometrics
38), so that one point moves the level alone, and more points the slopes too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from ..features.steps import Array, Steps
from ..rows.serving_rows import Places, Strings
from .conditions import Ranges

_ROUNDS: Final = 12
_FAR: Final = 1.0  # a logarithm beyond counts as so much
_FEWEST: Final = 4  # rows of a configuration that tell a slope
_FREEDOM: Final = 4.0  # degrees of freedom; docs/steptime-method.md
CENTRE: Final = (16.0, 2000.0)  # requests, tokens of context
LEAST_PREFILL: Final = 1e-3  # tokens per request, added to keep its logarithm finite


@dataclass(frozen=True, slots=True)
class Spread:
    """How configurations differ from their predictions, as logarithms.

    `covariance` (4, 4) is that of level and slopes, `noise` the variance of a row around the line.
    """

    covariance: Array
    noise: float

    @classmethod
    def fitted(cls, steps: Steps, log_ratios: Array, cells: Strings) -> Self:
        """Learn from log measured over predicted, (n,), of rows that the prediction never saw.

        `cells` names what rows belong to: configuration, version and source.
        """
        _, place = np.unique(cells, return_inverse=True)
        members = [np.flatnonzero(place == at) for at in range(place.max() + 1)]
        members = [rows for rows in members if len(rows) >= _FEWEST]
        lines = lines_of(steps)
        near = clipped(log_ratios)
        spread = cls(0.02 * np.eye(lines.shape[1]), 0.01)
        for _ in range(_ROUNDS if members else 0):
            spread = spread._better(lines, near, members)
        return spread

    def _better(self, lines: Array, ratios: Array, members: list[Places]) -> Self:
        """One round: expected lines of each configuration, then their covariance."""
        total, squares, count = np.zeros_like(self.covariance), 0.0, 0
        for rows in members:
            line, unsure = self.posterior(lines[rows], ratios[rows])
            total += np.outer(line, line) + unsure
            limit = 3 * np.sqrt(self.noise)
            left = np.clip(ratios[rows] - lines[rows] @ line, -limit, limit)
            spread_out = np.einsum("ij,jk,ik->", lines[rows], unsure, lines[rows])
            squares += float(left @ left + spread_out)
            count += len(rows)
        return type(self)(total / len(members), squares / count)

    def posterior(self, lines: Array, ratios: Array) -> tuple[Array, Array]:
        """Mean (4,) and covariance (4, 4) of a line given its points, (n, 4) and (n,)."""
        shared = self.covariance @ lines.T
        gain = np.linalg.solve(lines @ shared + self.noise * np.eye(len(lines)), shared.T).T
        return gain @ ratios, self.covariance - gain @ shared.T

    def line(self, own: Steps, own_log_ratios: Array) -> "Line":
        """The line of a configuration, given points of one's own and their log ratios, (m,)."""
        lines, count = lines_of(own), len(own_log_ratios)
        mean, covariance = self.posterior(lines, own_log_ratios)
        expected = lines @ self.covariance @ lines.T + self.noise * np.eye(count)
        far = float(own_log_ratios @ np.linalg.solve(expected, own_log_ratios))
        scale = (_FREEDOM + far) / (_FREEDOM + count)
        return Line(mean, scale * covariance, scale * self.noise)

    def log_ratio(self, own: Steps, own_log_ratios: Array, asked: Steps) -> Array:
        """What to add to log predictions of `asked` steps, given points of one's own; (n,)."""
        return self.line(own, own_log_ratios).log_ratio(asked)


@dataclass(frozen=True, slots=True)
class Line:
    """A configuration's line: `mean` (4,) and `covariance` (4, 4), and the variance around it.

    Variances are those of Student's t process (Shah, Wilson and Ghahramani 2014, AISTATS): points
    that the spread of configurations does not expect make them wider.
    """

    mean: Array
    covariance: Array
    noise: float

    def log_ratio(self, asked: Steps) -> Array:
        """What to add to log predictions of `asked` steps; (n,)."""
        return np.asarray(lines_of(asked) @ self.mean)

    def deviation(self, asked: Steps) -> Array:
        """Standard deviation of log measured over what it predicts; (n,)."""
        lines = lines_of(asked)
        unsure = np.einsum("ij,jk,ik->i", lines, self.covariance, lines)
        return np.asarray(np.sqrt(unsure + self.noise))


def clipped(log_ratios: Array) -> Array:
    """Logarithms of measured over predicted, so that a wrong one does not move all; (n,)."""
    return np.clip(log_ratios, -_FAR, _FAR)


def line_ends(line: Sequence[float], ranges: Ranges) -> tuple[float, float]:
    """The least and the most that a line (4,) gives in ranges of conditions."""
    running, context, prefill = ranges
    corners = np.meshgrid(running, context, prefill)
    found = _columns(*(one.ravel() for one in corners)) @ np.asarray(line)
    return float(found.min()), float(found.max())


def lines_of(steps: Steps) -> Array:
    """Level and slopes, of shape (n, 4)."""
    return _columns(steps.running, steps.context_tokens, steps.prefill_tokens / steps.running)


def _columns(running: Array, context: Array, prefill_per_request: Array) -> Array:
    """The same of arrays of shape (n,)."""
    return np.column_stack(
        [
            np.ones(len(running)),
            np.log(running / CENTRE[0]),
            np.log(context / CENTRE[1]),
            np.log(prefill_per_request + LEAST_PREFILL),
        ]
    )
