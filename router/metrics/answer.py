"""What a row takes of the router's answer to a batch."""

from typing import Any

from numpy.typing import ArrayLike

from ...stats.arrays import Int64
from ...store.errors import BadInput
from ..control.served_layer import kl_nats
from ..expert_costs import ExpertCosts
from ..routed import RoutedBatch
from ..static.expected import cost_of_counts
from .row import counts_of


def answered(
    batch: RoutedBatch, costs: ExpertCosts, baseline_counts: ArrayLike | None = None
) -> dict[str, Any]:
    """The columns of an answer of the router with these costs: MetricsRow(..., **answered(...)).

    `baseline_counts` [experts] are those of the model's own routing of the same tokens, where they
    are known. On a GPU this waits for the batch. Raises BadInput for what are no counts, and for
    those of other experts.
    """
    counts = counts_of("expert_counts", batch.counts.cpu())
    cost, certificate = cost_of_counts(costs, counts), batch.certificate
    columns: dict[str, Any] = {
        "tokens": len(batch.ids),
        "verdict": batch.verdict,
        "expert_counts": counts,
        "predicted_latency_us": cost.latency_s * 1e6,
        "price_per_j": batch.price_per_j,
        "deferred_share": batch.deferred_share,
    }
    if certificate is not None:
        unit = "certificate_gap_scores" if batch.read is None else "certificate_gap_mass"
        columns[unit] = certificate.gap
    if costs.energy_reason is None:
        columns |= {"predicted_j": cost.energy_j, "predicted_source": costs.energy_source}
    if baseline_counts is not None:
        baseline = counts_of("baseline_counts", baseline_counts)
        if len(baseline) != costs.experts:
            raise BadInput(f"baseline_counts has {len(baseline)} experts, and not {costs.experts}")
        columns |= {"baseline_counts": baseline, "kl_nats": _kl_nats(counts, baseline)}
        if costs.energy_reason is None:
            columns["baseline_j"] = cost_of_counts(costs, baseline).energy_j
    return columns


def _kl_nats(counts: Int64, baseline: Int64) -> float | None:
    """KL of counts [experts] from the baseline's, over all assignments.

    None where it is infinite, as for an expert that the baseline does not use, and for no counts.
    """
    used, assignments = counts > 0, int(counts.sum())
    if assignments == 0 or not baseline[used].all():
        return None
    return assignments * float(kl_nats(counts[used] / assignments, baseline[used] / baseline.sum()))
