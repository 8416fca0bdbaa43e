"""Predictions that are off by a known error, of rows of sixteen deployments."""

from dataclasses import replace

import numpy as np

from moeprof.compare.steptime.predicted import Predicted
from moeprof.tests.costmodel.steptime.whole_models import many_deployments, rows_of, timed_rows


def predictions(
    *, spread: float = 0.05, bias: float = 0.0, deployments: int = 16, factor: float | None = 1.3
) -> Predicted:
    """Predictions whose log error is normal between configurations; the roofline is half."""
    rows = timed_rows(rows_of(*many_deployments()[:deployments]))
    rng = np.random.default_rng(0)
    off = bias + spread * rng.standard_normal(deployments)[rows.which]
    times = np.arange(len(rows), dtype=np.float64)
    rows = replace(rows, time_s=times, source=np.full(len(rows), "s"))
    return Predicted(
        quantity="mean step",
        unit="ms",
        rows=rows,
        predicted=rows.step_us / 1e3 * np.exp(off),
        measured=rows.step_us / 1e3,
        factor=None if factor is None else np.full(len(rows), factor),
        baselines={"roofline": rows.step_us / 2e3},
    )
