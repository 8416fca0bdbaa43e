"""Program C as a conic program, by cvxpy with Clarabel: the peer, where it is installed."""

import numpy as np

from moeprof.benchmarks.routed.instances import IDLE_W, Instance
from moeprof.router.programs.load_program import LoadPlan


def by_clarabel(given: Instance, ours: LoadPlan) -> float | None:
    """The optimum over our objective; None where Clarabel gives up.

    Its variables are scaled by our answer, because a conic solver needs numbers near 1.
    """
    import cvxpy as cp

    program, prices = given.program, given.prices
    costs, loads, count = program.costs, program.costs.loads, program.costs.experts
    mean, widths, scale_j = given.assignments / count, np.diff(loads)[:, None], ours.objective_j
    of_expert = cp.Variable(count, nonneg=True)
    period, energy, latency = cp.Variable(), cp.Variable(count), cp.Variable(count)
    rules = [cp.sum(of_expert) == count, of_expert <= loads[-1] / mean]
    for variable, hull, unit in (
        (energy, program.energy, ours.energy_j / count),
        (latency, program.latency, ours.latency_s / count),
    ):
        rises = np.vstack([np.zeros(count), np.cumsum(hull.slopes * widths, axis=0)])
        for load, slope, start in zip(loads, hull.slopes, hull.fixed + rises, strict=False):
            beyond = of_expert * mean - load
            rules.append(variable >= start / unit + cp.multiply(slope / unit, beyond))
    for gpu in range(costs.gpus):
        here = (costs.gpu_of == gpu).astype(float)
        rules.append(period >= (here @ latency) / count)
    if given.cap_w is not None:
        headroom = (given.cap_w - IDLE_W) * ours.latency_s / ours.energy_j
        rules.append(cp.sum(energy) / count <= headroom * period)
    own = given.shares / given.shares.sum() * count
    objective = (prices.kl_price_j * mean / scale_j) * cp.sum(cp.rel_entr(of_expert, own))
    objective += (ours.energy_j / count / scale_j) * cp.sum(energy)
    objective += ((IDLE_W + prices.time_price_w) * ours.latency_s / scale_j) * period
    problem = cp.Problem(cp.Minimize(objective), rules)
    exact = {"tol_gap_abs": 1e-10, "tol_gap_rel": 1e-10, "tol_feas": 1e-10}
    try:
        problem.solve(solver=cp.CLARABEL, **exact)
    except cp.error.SolverError:
        return None
    return float(problem.value) if problem.status == "optimal" else None
