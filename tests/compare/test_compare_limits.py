"""All limits follow from the one on the median."""

from moeprof.compare.limits import limits_from


def test_the_limits_of_3_percent_are_those_of_the_documents() -> None:
    limits = limits_from(0.03)
    assert (limits.median, limits.band, limits.p95, limits.worst) == (0.03, 0.06, 0.15, 0.3)
