"""AdaptiveRouter: what each strategy adds to the scores that rank, and what it says of a batch."""

import threading
from dataclasses import dataclass, replace
from itertools import combinations, product
from typing import Any

import numpy as np
import pytest
import torch

from moeprof.kernels.routing import PLAIN, Routing
from moeprof.kernels.topk import topk_reference
from moeprof.router.adaptive import AdaptiveRouter
from moeprof.router.control.controller import Decision, Targets, Telemetry
from moeprof.router.expert_costs import ExpertCosts
from moeprof.router.monitor.monitor import GpuSystemMonitor
from moeprof.router.monitor.source import NoSensors
from moeprof.router.settings import RouterSettings
from moeprof.router.static.whole_step import WholeStep
from moeprof.store.errors import BadInput
from moeprof.tests.router.instances import drawn

COSTS, SHARES = drawn(seed=0, experts=16, most=4096)
SOFTMAX = Routing("softmax", renormalise=True)


def logits(tokens: int, seed: int = 0) -> torch.Tensor:
    """Logits whose picks follow SHARES, more or less."""
    noise = torch.randn(tokens, 16, generator=torch.Generator().manual_seed(seed))
    return noise + torch.from_numpy(np.log(SHARES)).float()


def router(strategy: str = "static_optimal", **changed: object) -> AdaptiveRouter:
    costs = changed.pop("costs", COSTS)
    controller, monitor = changed.pop("controller", None), changed.pop("monitor", None)
    settings = RouterSettings(**({"top_k": 2, "strategy": strategy} | changed))  # type: ignore[arg-type]
    return AdaptiveRouter(costs, settings, controller, monitor)  # type: ignore[arg-type]


def same_as_own(made: AdaptiveRouter, batch: torch.Tensor, routing: Routing = PLAIN) -> bool:
    """Whether a batch is routed as by the model itself, to the bit."""
    weights, ids = topk_reference(batch, 2, routing)
    routed = made.route(batch)
    return torch.equal(routed.ids, ids) and torch.equal(routed.weights, weights)


@pytest.mark.parametrize("routing", [PLAIN, SOFTMAX, Routing("sigmoid", groups=4, kept_groups=2)])
def test_baseline_is_the_models_own_routing_to_the_bit(routing: Routing) -> None:
    made = router("baseline", routing=routing)
    assert same_as_own(made, logits(64), routing)
    assert same_as_own(made, logits(64).bfloat16(), routing)
    assert not made.route(logits(64)).bias.any()


@pytest.mark.parametrize("routing", [PLAIN, SOFTMAX])
def test_no_bias_is_the_models_own_routing_to_the_bit(routing: Routing) -> None:
    loads = np.array([0.0, 1.0, 4096.0])
    table = np.tile(1e-6 * loads, (16, 1))
    linear = ExpertCosts(loads, table, 1e3 * table, 100.0, np.zeros(16, dtype=np.int64))
    made = router(costs=linear, routing=routing)
    assert same_as_own(made, logits(64), routing)
    assert made.route(logits(64)).reasons[0].endswith("b = 0")
    assert same_as_own(router("kernel_aware", routing=routing), logits(64), routing)


def test_a_static_bias_saves_energy_and_is_certified() -> None:
    batch = logits(4096)
    own, ours = router("baseline").route(batch), router().route(batch)
    assert ours.cost.energy_j < own.cost.energy_j
    assert ours.certificate is not None
    assert own.certificate is not None
    assert 0 <= ours.certificate.gap < own.certificate.gap
    assert torch.equal(ours.counts, torch.bincount(ours.ids.flatten(), minlength=16).int())
    assert ours.bias.mean() == pytest.approx(0, abs=1e-12)
    assert ours.verdict == "slack"


def test_weights_are_those_of_the_models_own_scores() -> None:
    routed = router(routing=SOFTMAX).route(logits(4096))
    scores = torch.softmax(logits(4096), dim=1).gather(1, routed.ids.long())
    assert torch.allclose(routed.weights, scores / scores.sum(dim=1, keepdim=True))
    assert routed.bias.any()


def test_no_assignment_of_a_tiny_batch_is_better_by_more_than_is_certified() -> None:
    costs, _ = drawn(seed=2, experts=4, most=4)
    made = router("kernel_aware", costs=costs, alpha_per_j=2000.0, beta_per_s=3000.0)
    batch = torch.randn(3, 4, generator=torch.Generator().manual_seed(1))
    routed = made.route(batch)
    found = routed.certificate
    assert found is not None
    scores, table = batch.double().numpy(), 2000 * costs.energy_j + 3000 * costs.latency_s

    def utility(picked: tuple[tuple[int, ...], ...]) -> float:
        counts = np.bincount(np.array(picked).ravel(), minlength=4)
        cost = sum(np.interp(n, costs.loads, row) for n, row in zip(counts, table, strict=True))
        return float(np.take_along_axis(scores, np.array(picked), 1).sum() - cost)

    best = max(map(utility, product(combinations(range(4), 2), repeat=3)))
    ours = utility(tuple(map(tuple, routed.ids.tolist())))
    assert -1e-6 <= best - ours <= found.gap + 1e-6


def test_decode_reads_fewer_experts_and_says_that_tokens_depend_on_each_other() -> None:
    batch = logits(4)
    own, ours = router("baseline").route(batch), router(kl_price_j=1e-4).route(batch)
    assert int((ours.counts > 0).sum()) < int((own.counts > 0).sum())
    assert ours.read is not None
    assert ours.read.kept[ours.ids.long()].all()
    assert int(ours.read.kept.sum()) >= 2
    found = ours.certificate
    assert found is not None
    assert found.gap >= 0
    assert found.cost > 0
    assert "what a token gets depends on the others of its batch" in ours.reasons


def test_the_rule_by_margins_ranks_by_what_a_row_costs() -> None:
    made = router("kernel_aware", alpha_per_j=100.0)
    first = made.route(logits(512)).bias
    made.set_weights(alpha_per_j=200.0, beta_per_s=0.0)
    assert made.route(logits(512)).bias == pytest.approx(2 * first)
    made.set_weights(alpha_per_j=0.0, beta_per_s=0.0)
    assert same_as_own(made, logits(512))
    with pytest.raises(BadInput, match="alpha_per_j is -1"):
        made.set_weights(alpha_per_j=-1.0, beta_per_s=0.0)


@dataclass
class Seen:
    """A monitor that is its own snapshot."""

    thermal_pressure: float | None = None
    power_pressure: float | None = None

    def snapshot(self) -> "Seen":
        return self


def test_pressure_scales_the_rule_and_an_unknown_one_leaves_it_whole() -> None:
    whole = router("kernel_aware", alpha_per_j=100.0).route(logits(512)).bias
    seen = Seen()
    made = router("kernel_aware", alpha_per_j=100.0, monitor=seen)
    assert made.route(logits(512)).bias == pytest.approx(whole)
    assert made.route(logits(512)).reasons[-1].startswith("the monitor tells no pressure")
    for thermal, power, part in [(0.25, None, 0.25), (0.25, 0.5, 0.5), (None, 0.505, 0.5)]:
        seen.thermal_pressure, seen.power_pressure = thermal, power
        assert made.route(logits(512)).bias == pytest.approx(part * whole)
    seen.power_pressure = 0.0
    assert same_as_own(made, logits(512))


class Pushing:
    """A controller that decides what it is told to, and keeps what it saw."""

    def __init__(self, bias: np.ndarray, deferred_share: float = 0.0) -> None:
        self.decision = Decision(bias, price_per_j=3.0, deferred_share=deferred_share)
        self.seen: list[Telemetry] = []

    def tick(self, telemetry: Telemetry) -> Decision:
        self.seen.append(telemetry)
        return self.decision


def test_a_controllers_bias_is_in_force_from_its_tick_on() -> None:
    push = np.where(np.arange(16) < 8, 50.0, 0.0)
    controller = Pushing(push, deferred_share=0.125)
    made = router("kernel_aware_ttha", controller=controller)
    assert same_as_own(made, logits(64))
    assert made.update_ttha(Telemetry(1.0)) is controller.decision
    (seen,) = controller.seen
    assert seen.shares is not None
    assert seen.shares.sum() == pytest.approx(1)
    routed = made.route(logits(64))
    assert int(routed.ids.max()) < 8
    assert routed.bias == pytest.approx(push - 25)
    assert (routed.verdict, routed.reasons[-1]) == (
        "paced",
        "the bias alone does not keep the targets: 12.5 % of the arriving tokens must wait",
    )


@pytest.mark.parametrize("bias", [np.full(16, np.nan), np.zeros(15)])
def test_a_bias_that_does_not_fit_is_refused_and_changes_nothing(bias: np.ndarray) -> None:
    made = router("kernel_aware_ttha", controller=Pushing(bias))
    made.route(logits(8))
    with pytest.raises(BadInput, match="the controller's bias must be 16 finite numbers"):
        made.update_ttha(Telemetry(1.0))
    assert same_as_own(made, logits(8))


def test_a_strategy_needs_its_controller() -> None:
    with pytest.raises(BadInput, match="routes by a controller"):
        router("kernel_aware_ttha")
    with pytest.raises(BadInput, match="the strategy baseline has no controller"):
        router("baseline").update_ttha(Telemetry(0.0))


def test_a_batch_is_routed_whole_by_one_bias_while_another_thread_changes_it() -> None:
    low = np.where(np.arange(16) < 8, 50.0, 0.0)
    controller = Pushing(low)
    made = router("kernel_aware_ttha", controller=controller)
    made.route(logits(8))
    made.update_ttha(Telemetry(0.0))
    stop = threading.Event()

    def change() -> None:
        while not stop.is_set():
            controller.decision = replace(controller.decision, bias=-controller.decision.bias)
            made.update_ttha(Telemetry(0.0))

    changing = threading.Thread(target=change)
    changing.start()
    try:
        halves = {frozenset((made.route(logits(8)).ids < 8).flatten().tolist()) for _ in range(200)}
    finally:
        stop.set()
        changing.join()
    assert halves <= {frozenset({True}), frozenset({False})}


def test_the_tensor_that_ranks_is_changed_in_place() -> None:
    own = torch.linspace(-1, 1, 16)
    made = router("kernel_aware_ttha", controller=Pushing(np.arange(16.0)), correction_bias=own)
    tensor = made.ranking_bias()
    assert torch.equal(tensor, own)
    made.route(logits(8))
    made.update_ttha(Telemetry(0.0))
    assert made.ranking_bias() is tensor
    assert tensor.tolist() == pytest.approx((own + torch.arange(16) - 7.5).tolist())
    assert tensor.dtype == torch.float32


def test_a_correction_bias_of_the_model_ranks_in_every_strategy() -> None:
    own = torch.where(torch.arange(16) == 3, 50.0, 0.0)
    for strategy in ("baseline", "static_optimal", "kernel_aware"):
        for tokens in (4, 512):
            routed = router(strategy, correction_bias=own).route(logits(tokens))
            assert (routed.ids[:, 0] == 3).all()


@pytest.mark.parametrize("routing", [PLAIN, SOFTMAX, Routing("sigmoid")])
def test_an_expert_that_the_model_switched_off_is_never_read(routing: Routing) -> None:
    off = torch.where(torch.arange(16) == 3, -1e4, 0.0)
    batch = logits(4) + torch.where(torch.arange(16) == 3, 8.0, 0.0)
    made = router(correction_bias=off, routing=routing, kl_price_j=1e-4)
    routed = made.route(batch)
    assert made.plan is not None
    assert made.plan.regime.regime == "concentrate"
    assert (int(routed.counts[3]), routed.read) == (0, None)
    assert "a correction bias ranks experts: none is left out" in routed.reasons


@pytest.mark.parametrize("strategy", ["baseline", "static_optimal"])
def test_a_correction_bias_may_be_a_parameter(strategy: str) -> None:
    """As e_score_correction_bias is in DeepSeek-V3."""
    own = torch.nn.Parameter(torch.linspace(-1, 1, 16))
    routed = router(strategy, correction_bias=own).route(logits(512))
    assert torch.equal(
        routed.ids, router(strategy, correction_bias=own.data).route(logits(512)).ids
    )
    assert not routed.weights.requires_grad


def test_experts_that_masked_tokens_read_are_in_the_set_and_no_set_is_better_than_its_bound() -> (
    None
):
    """Each token may go to two experts alone, the second of which is worth little."""
    batch = torch.full((8, 16), -torch.inf)
    for token, row in enumerate(batch):
        at = 2 * (token % 4)
        row[at], row[at + 1] = 2.0, -4.0
    made = router(kl_price_j=1e-4)
    routed = made.route(batch)
    assert routed.read is not None
    assert routed.certificate is not None
    assert routed.read.kept.tolist() == (routed.counts > 0).tolist() == [True] * 8 + [False] * 8
    assert made.plan is not None
    assert made.plan.charges is not None
    assert routed.certificate.cost == pytest.approx(made.plan.charges[:8].sum(), rel=1e-6)
    first_choices = 8 * torch.sigmoid(torch.tensor(6.0)).item() - made.plan.charges[:8:2].sum()
    ours = 8 - made.plan.charges[:8].sum()
    assert first_choices - ours <= routed.certificate.gap + 1e-6
    assert routed.certificate.gap > 0


def test_a_router_plans_for_another_batch_when_told_to() -> None:
    made = router()
    assert made.plan is None
    made.route(logits(4))
    made.route(logits(2048))
    assert made.plan is not None
    assert (made.plan.occasion.tokens, made.plan.regime.regime) == (4, "concentrate")
    assert made.plan_for(logits(2048)) is made.plan
    assert (made.plan.occasion.tokens, made.plan.regime.regime) == (2048, "balance")
    with pytest.raises(BadInput, match="0 tokens leaves nothing to plan"):
        made.plan_for(logits(0))


def test_an_empty_batch_is_an_empty_answer_before_and_after_the_first() -> None:
    made = router()
    for _ in range(2):
        routed = made.route(logits(0))
        assert (routed.ids.shape, routed.weights.shape) == ((0, 2), (0, 2))
        assert (int(routed.counts.sum()), routed.cost.energy_j, routed.verdict) == (0, 0.0, "slack")
        made.route(logits(512))


@pytest.mark.parametrize("strategy", ["baseline", "static_optimal", "kernel_aware"])
def test_an_engine_may_have_default_dtypes_and_devices_of_its_own(strategy: str) -> None:
    batches = [logits(4), logits(2048)]
    expected = [router(strategy, alpha_per_j=99.0).route(batch).ids for batch in batches]
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device("meta"):
            made = router(strategy, alpha_per_j=99.0)
            assert (made.ranking_bias().dtype, made.ranking_bias().is_cpu) == (torch.float32, True)
            for batch, ids in zip(batches, expected, strict=True):
                assert torch.equal(router(strategy, alpha_per_j=99.0).route(batch).ids, ids)
    finally:
        torch.set_default_dtype(torch.float32)


def test_a_monitor_without_sensors_tells_no_pressure() -> None:
    monitor = GpuSystemMonitor(NoSensors("there is no GPU here"))
    routed = router("kernel_aware", alpha_per_j=100.0, monitor=monitor).route(logits(64))
    assert routed.reasons[-1] == "the monitor tells no pressure: the rule applies in full"


def test_every_answer_without_energy_says_that_it_is_by_latency_alone() -> None:
    unmetered = replace(
        COSTS, energy_j=0 * COSTS.energy_j, idle_power_w=0.0, energy_reason="no counter"
    )
    sentence = "by latency alone, because energy is unknown: no counter"
    for strategy in ("baseline", "static_optimal", "kernel_aware", "kernel_aware_ttha"):
        made = router(strategy, costs=unmetered, controller=Pushing(np.zeros(16)))
        for tokens in (0, 4, 2048):
            assert sentence in made.route(logits(tokens)).reasons


def test_a_row_of_nan_or_without_logits_has_no_weights_and_no_certificate() -> None:
    """As kernels/topk has it: NaN ranks first, -inf last, and the weights are all zero."""
    made = router()
    made.route(logits(2048))
    batch = logits(2048)
    batch[3, 5], batch[7] = float("nan"), -float("inf")
    routed = made.route(batch)
    assert int(routed.ids[3, 0]) == 5
    assert routed.ids[7].tolist() == [0, 1]
    assert not routed.weights[[3, 7]].any()
    assert routed.certificate is None
    assert "its token has NaN" in str(routed.certificate_reason)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (torch.zeros(4, 3), r"logits must be \[tokens, \d+\], and have the shape \[4, 3\]"),
        (np.zeros((4, 3)), "logits are a ndarray"),
    ],
)
def test_logits_of_other_experts_are_refused_by_routing_and_planning(
    asked: Any, sentence: str
) -> None:
    made = router()
    for ask in (made.route, made.plan_for):
        with pytest.raises(BadInput, match=sentence):
            ask(asked)


def test_a_batch_above_the_cap_has_to_wait_and_is_told_how_long_and_how_large_it_may_be() -> None:
    routed = router(targets=Targets(power_w=200.0)).route(logits(2048))
    assert routed.verdict == "paced"
    period_ms = 1e3 * routed.cost.energy_j / (200 - COSTS.idle_power_w)
    assert f"start one every {period_ms:.4g} ms; no batch size keeps to it" in routed.reasons[-1]
    wide = router(targets=Targets(power_w=10_000.0)).route(logits(2048))
    assert wide.verdict == "slack"


@pytest.mark.parametrize("batch", [torch.zeros(4, 15), torch.zeros(16), torch.zeros(2, 2, 16)])
def test_logits_of_another_shape_are_refused(batch: torch.Tensor) -> None:
    made = router()
    for _ in range(2):
        with pytest.raises(BadInput, match=r"logits must be \[tokens, 16\]"):
            made.route(batch)
        made.route(logits(4))


def test_a_batch_beyond_the_costs_is_planned_as_the_largest_and_has_no_certificate() -> None:
    costs, _ = drawn(seed=0, experts=16, most=64)
    made = router(costs=costs)
    routed = made.route(logits(4096))
    assert made.plan is not None
    assert made.plan.occasion.tokens == 64
    assert "its costs end at 64" in str(routed.certificate_reason)
    assert routed.reasons[-1] == routed.certificate_reason
    assert made.route(logits(64)).certificate is not None


def test_a_whole_model_that_is_bound_by_its_host_reads_every_expert() -> None:
    step = WholeStep(4, {"experts": 1000.0, "overhead": 3000.0})
    made, plain = router(whole_step=step), router()
    routed, fewer = made.route(logits(4)), plain.route(logits(4))
    assert made.plan is not None
    assert made.plan.regime.regime == "balance"
    assert (routed.read, fewer.read is None) == (None, False)
    assert any("25 % of the whole model's step" in reason for reason in routed.reasons)
