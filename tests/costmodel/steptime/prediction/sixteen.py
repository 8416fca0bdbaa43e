"""A model of steps of sixteen deployments."""

from dataclasses import replace
from functools import cache

import numpy as np

from moeprof.costmodel.steptime.fit.build import build_step_time
from moeprof.costmodel.steptime.rows.gate import Refused
from moeprof.store.serving.step_time_model import StepTimeFile
from moeprof.tests.costmodel.steptime.whole_models import many_deployments, rows_of, timed_rows


@cache
def file_of_sixteen() -> StepTimeFile:
    """A model of sixteen deployments, at 60 % of the TDP."""
    rows = timed_rows(rows_of(*many_deployments(), sizes=4))
    tdp_w = np.asarray([one.gpu.tdp_w * one.gpus for one in rows.deployments])[rows.which]
    return build_step_time(replace(rows, power_w=0.6 * tdp_w), Refused(64, {}), {})
