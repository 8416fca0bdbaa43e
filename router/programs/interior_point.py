"""An interior-point method for Program C with any number of demands on the period.

Each expert has rows x_s on each piece s of its curves, 0 <= x_s <= width_s, and n is their sum:

    min  kl_price sum_i n_i log(n_i / own_i) + sum energy_s x_s + w P
    with sum n = sum own,  P >= fixed_r + sum demand_rs x_s for each demand r

Each inequality has a multiplier; its product with the slack is brought to zero for all at the same
pace, by Newton's method (Wright, Primal-Dual Interior-Point Methods, 1997). In Newton's equations
the matrix of an expert is diagonal but for the curvature of its KL, which is the same for all its
pieces. So experts are eliminated one by one, and as many unknowns are left as there are demands,
and two more. Neither steep prices nor kinks of the curves slow it down.
"""

from dataclasses import dataclass

import numpy as np

from ...stats.arrays import Float64, Int64

_TO_THE_EDGE = 0.97
_INSIDE = 0.02


@dataclass(frozen=True, eq=False)
class Pieces:
    """The program by pieces [S, N] of the curves of N experts that have loads `own` [N].

    Experts of GPU g add `latency_s` per row to demand g; all add `cap_s` to the last demand, which
    is zero throughout without a cap. `fixed_s` [GPUs + 1] is what demands are without rows.
    """

    own: Float64
    starts: Float64
    widths: Float64
    energy_j: Float64
    latency_s: Float64
    cap_s: Float64
    fixed_s: Float64
    gpu_of: Int64
    kl_price_j: float
    period_price_w: float

    def by_gpu(self, of_experts: Float64) -> Float64:
        """Sums [GPUs] of numbers [N]."""
        sums = np.bincount(self.gpu_of, of_experts, minlength=len(self.fixed_s) - 1)
        return sums.astype(np.float64, copy=False)

    def demands_s(self, rows: Float64) -> Float64:
        """What rows [S, N] demand of the period, [GPUs + 1]."""
        by_gpu = self.by_gpu(_of_experts(self.latency_s, rows))
        return self.fixed_s + np.append(by_gpu, np.vdot(self.cap_s, rows))

    def weighed(self, weights: Float64) -> Float64:
        """What a row costs [S, N] where a second of each demand costs `weights` [GPUs + 1]."""
        weighed: Float64 = self.latency_s * weights[self.gpu_of] + self.cap_s * weights[-1]
        return weighed


class CentralPath:
    """A point inside all inequalities, and steps that bring it to the optimum.

    `weights_w` [GPUs + 1] are the multipliers of the demands, and `gap_j` is the sum of products of
    slacks and multipliers: how far the objective is from the optimum, once the equalities hold.
    """

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        widths = pieces.widths
        self._rows = np.clip(pieces.own - pieces.starts, _INSIDE * widths, (1 - _INSIDE) * widths)
        self._left = widths - self._rows
        demands_s = pieces.demands_s(self._rows)
        self._period_s = 1.1 * float(demands_s.max())
        self._spare_s = np.maximum(self._period_s - demands_s, 0.05 * self._period_s)
        self.weights_w = np.full(len(demands_s), pieces.period_price_w / len(demands_s))
        objective_j = pieces.period_price_w * self._period_s
        # Where a curve falls its slope is below 0; what multipliers begin with must be above.
        objective_j += float(np.vdot(np.abs(pieces.energy_j), self._rows))
        objective_j += pieces.kl_price_j * float(pieces.own.sum())
        self._inequalities = 2 * self._rows.size + len(demands_s)
        product_j = objective_j / self._inequalities
        self._empty_price = product_j / self._rows
        self._full_price = product_j / self._left
        margins = pieces.energy_j + pieces.weighed(self.weights_w)
        self._row_price = float(np.vdot(margins, self._rows) / self._rows.sum())
        self.gap_j = self._gap_j()
        self._shorten = 0.5

    def loads(self) -> Float64:
        """The loads [N] of this point, whose sum is that of `own`."""
        loads = self._rows.sum(axis=0)
        return np.asarray(loads * (self._pieces.own.sum() / loads.sum()))

    def step(self) -> None:
        """Go towards the point at which all products are a part of their mean now."""
        product_j = self._shorten * self.gap_j / self._inequalities
        left = self._left
        descent = self._descent() + product_j / self._rows - product_j / left
        blocks = _Blocks(
            self._empty_price / self._rows + self._full_price / left,
            self._pieces.kl_price_j / self._rows.sum(axis=0),
        )
        rows, weights_w, row_price, period_s = self._solve(blocks, descent, product_j)
        spare_s = product_j / self.weights_w - self._spare_s
        spare_s -= self._spare_s / self.weights_w * weights_w
        empty = product_j / self._rows - self._empty_price * (1 + rows / self._rows)
        full = product_j / left - self._full_price * (1 - rows / left)
        length = _longest((self._rows, rows), (left, -rows), (self._spare_s, spare_s))
        of_prices = _longest(
            (self._empty_price, empty), (self._full_price, full), (self.weights_w, weights_w)
        )
        self._rows, self._left = self._rows + length * rows, left - length * rows
        self._spare_s = self._spare_s + length * spare_s
        self._period_s += length * period_s
        self._empty_price = self._empty_price + of_prices * empty
        self._full_price = self._full_price + of_prices * full
        self.weights_w = self.weights_w + of_prices * weights_w
        self._row_price += of_prices * row_price
        self.gap_j = self._gap_j()
        self._shorten = 0.1 if min(length, of_prices) > 0.7 else 0.5

    def _gap_j(self) -> float:
        products = np.vdot(self._rows, self._empty_price)
        products += np.vdot(self._left, self._full_price)
        return float(products + self._spare_s @ self.weights_w)

    def _descent(self) -> Float64:
        """The negative gradient of the Lagrangian by the rows [S, N], bounds of the rows apart."""
        pieces = self._pieces
        quality = pieces.kl_price_j * (np.log(self._rows.sum(axis=0) / pieces.own) + 1.0)
        margins = pieces.energy_j + pieces.weighed(self.weights_w)
        return np.asarray(self._row_price - quality - margins)

    def _solve(
        self, blocks: "_Blocks", descent: Float64, product_j: float
    ) -> tuple[Float64, Float64, float, float]:
        """Newton's steps of the rows, the weights, the price of a row, and the period."""
        pieces, cap = self._pieces, self._pieces.cap_s
        by_latency, by_cap = blocks.solve(pieces.latency_s), blocks.solve(cap)
        by_row, by_descent = blocks.solve(np.ones_like(cap)), blocks.solve(descent)

        def demanded(by: Float64) -> Float64:
            by_gpu = pieces.by_gpu(_of_experts(pieces.latency_s, by))
            return np.append(by_gpu, np.vdot(cap, by))

        last = len(self.weights_w)
        matrix, wanted = np.zeros((last + 2, last + 2)), np.zeros(last + 2)
        gpus = np.arange(last - 1)
        coupled = pieces.by_gpu(_of_experts(pieces.latency_s, by_cap))
        matrix[gpus, gpus] = pieces.by_gpu(_of_experts(pieces.latency_s, by_latency))
        matrix[gpus, last - 1] = matrix[last - 1, gpus] = coupled
        matrix[last - 1, last - 1] = np.vdot(cap, by_cap)
        matrix[:last, :last] += np.diag(self._spare_s / self.weights_w)
        matrix[:last, last] = matrix[last, :last] = -demanded(by_row)
        matrix[last, last] = by_row.sum()
        matrix[:last, last + 1] = matrix[last + 1, :last] = 1.0
        demands_s = pieces.demands_s(self._rows)
        wanted[:last] = demands_s - self._period_s + product_j / self.weights_w
        wanted[:last] += demanded(by_descent)
        wanted[last] = pieces.own.sum() - self._rows.sum() - by_descent.sum()
        wanted[last + 1] = pieces.period_price_w - self.weights_w.sum()
        solved = np.linalg.solve(matrix, wanted).astype(np.float64, copy=False)
        weights_w, row_price, period_s = solved[:last], float(solved[last]), float(solved[-1])
        rows = by_descent + by_row * row_price
        rows -= by_latency * weights_w[pieces.gpu_of] + by_cap * weights_w[-1]
        return rows, weights_w, row_price, period_s


class _Blocks:
    """The matrices of all experts: `diagonal` [S, N], and `everywhere` [N] added to every entry."""

    def __init__(self, diagonal: Float64, everywhere: Float64) -> None:
        self._inverse = 1.0 / diagonal
        self._shared = everywhere / (1.0 + everywhere * self._inverse.sum(axis=0))

    def solve(self, right: Float64) -> Float64:
        """The inverses times `right` [S, N], by the formula of Sherman and Morrison."""
        alone = right * self._inverse
        solved: Float64 = alone - self._inverse * (self._shared * alone.sum(axis=0))
        return solved


def _of_experts(one: Float64, other: Float64) -> Float64:
    """Products [N] of two arrays [S, N], summed over pieces."""
    return np.asarray(np.einsum("sn,sn->n", one, other))


def _longest(*steps: tuple[Float64, Float64]) -> float:
    """The length up to 1 at which numbers above 0 stay above 0 along their steps."""
    falls = max(float((-step / number).max()) for number, step in steps)
    return min(1.0, _TO_THE_EDGE / falls) if falls > 0 else 1.0
