"""What a row takes of an answer of the router."""

import numpy as np
import pytest
import torch

from moeprof.router.adaptive import AdaptiveRouter
from moeprof.router.control.controller import Decision, Telemetry
from moeprof.router.expert_costs import NOT_METERED, ExpertCosts
from moeprof.router.metrics.answer import answered
from moeprof.router.metrics.row import MetricsRow, cells, columns
from moeprof.router.settings import RouterSettings
from moeprof.store.errors import BadInput

BASELINE = RouterSettings(top_k=2, strategy="baseline")
LOADS = np.array([0.0, 1.0, 64.0])
LOGITS = torch.randn(32, 4, generator=torch.Generator().manual_seed(0))


def router(
    energy_j: float = 0.01, fixed: float = 0.0, settings: RouterSettings = BASELINE
) -> AdaptiveRouter:
    """Four experts of 1 us and some joules for each row, and for the first of it `fixed` more."""
    each = np.tile(LOADS + fixed * (LOADS > 0), (4, 1))
    reason = None if energy_j else NOT_METERED
    costs = ExpertCosts(
        LOADS, 1e-6 * each, energy_j * each, 0.0, np.zeros(4, np.int64), energy_reason=reason
    )
    return AdaptiveRouter(costs, settings)


def test_an_answer_gives_its_counts_costs_and_certificate() -> None:
    chosen = router()
    batch = chosen.route(LOGITS)
    found = answered(batch, chosen.costs, baseline_counts=[16, 16, 16, 16])
    assert found["expert_counts"].sum() == 64
    assert (found["tokens"], found["verdict"]) == (32, "slack")
    assert found["predicted_j"] == found["baseline_j"] == pytest.approx(0.64)
    assert found["predicted_latency_us"] == pytest.approx(64)
    assert found["certificate_gap_scores"] == pytest.approx(batch.certificate.gap)  # type: ignore[union-attr]
    row = dict(zip(columns(), cells(MetricsRow(**found), 0), strict=True))
    assert row["saved_j"] == pytest.approx(0)
    assert (found["predicted_source"], found["deferred_share"]) == ("assumed", None)
    assert found["price_per_j"] == batch.price_per_j == chosen.plan.price_per_j  # type: ignore[union-attr]
    shares = found["expert_counts"] / 64
    assert found["kl_nats"] == pytest.approx(64 * (shares * np.log(4 * shares)).sum())


def test_what_a_controller_decided_is_in_the_answer_and_no_verdict_on_targets_of_its_own() -> None:
    class Deciding:
        def tick(self, telemetry: Telemetry) -> Decision:
            return Decision(np.array([1.0, -1.0, 0.0, 0.0]), price_per_j=3.0)

    settings = RouterSettings(top_k=2, strategy="kernel_aware_ttha")
    chosen = AdaptiveRouter(router().costs, settings, Deciding())
    chosen.route(LOGITS)
    chosen.update_ttha(Telemetry(0.0))
    found = answered(chosen.route(LOGITS), chosen.costs)
    assert (found["price_per_j"], found["deferred_share"], found["verdict"]) == (3.0, 0.0, None)


def test_the_gap_of_a_set_that_a_batch_reads_has_a_column_of_its_own() -> None:
    chosen = router(fixed=1000.0, settings=RouterSettings(top_k=1, strategy="static_optimal"))
    batch = chosen.route(LOGITS[:4])
    assert batch.read is not None
    found = answered(batch, chosen.costs)
    assert found["certificate_gap_mass"] == pytest.approx(batch.certificate.gap)  # type: ignore[union-attr]
    assert "certificate_gap_scores" not in found


def test_without_energy_there_are_no_joules() -> None:
    chosen = router(energy_j=0)
    found = answered(chosen.route(LOGITS), chosen.costs, baseline_counts=[16, 16, 16, 16])
    assert {"predicted_j", "predicted_source", "baseline_j"} & found.keys() == set()
    assert found["price_per_j"] is None


def test_an_answer_without_a_certificate_has_no_gap() -> None:
    chosen = router()
    broken = LOGITS.clone()
    broken[0] = float("nan")
    found = answered(chosen.route(broken), chosen.costs)
    assert [name for name in found if name.startswith("certificate")] == []


def test_baseline_counts_are_checked() -> None:
    chosen = router()
    for wrong in ([0.5] * 4, [16] * 3):
        with pytest.raises(BadInput, match="baseline_counts"):
            answered(chosen.route(LOGITS), chosen.costs, baseline_counts=wrong)


def test_an_expert_that_the_baseline_does_not_use_leaves_no_finite_kl() -> None:
    chosen = router()
    found = answered(chosen.route(LOGITS), chosen.costs, baseline_counts=[32, 32, 0, 0])
    assert found["kl_nats"] is None
