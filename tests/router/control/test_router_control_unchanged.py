from moeprof.router.control.controller import Telemetry
from moeprof.router.control.unchanged import Unchanged
from moeprof.tests.router.control.serving import MODEL


def test_nothing_changes() -> None:
    decision = Unchanged(MODEL).tick(Telemetry(0.1, 900.0, 99.0, 1e6))
    assert not decision.bias.any()
    assert (decision.price_per_j, decision.deferred_share) == (0.0, 0.0)
