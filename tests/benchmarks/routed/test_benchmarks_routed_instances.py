"""Instances of Program C have the caps that they were drawn for."""

import numpy as np

from moeprof.benchmarks.routed.instances import instances


def test_a_third_each_is_free_routed_and_paced() -> None:
    found = list(instances(np.random.default_rng(0), 12, 2, 6))
    verdicts = [
        one.program.solve(one.shares, one.assignments, one.prices, one.cap_w).verdict
        for one in found
    ]
    assert verdicts == ["slack", "routed", "paced"] * 2
    assert [one.cap_w is None for one in found] == [True, False, False] * 2
