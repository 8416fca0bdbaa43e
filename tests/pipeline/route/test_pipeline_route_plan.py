"""One static answer: its experts, its two routings, and what is refused by name."""

from dataclasses import replace
from pathlib import Path

import pytest

from moeprof.costmodel.checksum import with_checksum
from moeprof.pipeline.route.plan import PlanQuery, plan_route
from moeprof.store.document import write_document
from moeprof.store.errors import BadInput
from moeprof.tests.costmodel.layer.gated_models import LAYER, gated_file
from moeprof.tests.router.expert_models import IDLE_W, chain_file

MIXED = "4:fc1+gelu+fc2,4:dequant_linear+gelu+fc2"
QUERY = PlanQuery(tokens=256, experts=MIXED, top_k=2)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Single kernels with energy and heat."""
    path = tmp_path / "model.json"
    write_document(path, with_checksum(chain_file()))
    return path


def test_a_plan_says_what_both_routings_cost_and_how_far_ours_is_from_the_best(model: Path) -> None:
    found = plan_route(model, replace(QUERY, tokens=256, routing="zipf:1"))
    assert (found.experts, found.top_k, found.gpus) == (8, 2, 1)
    assert (found.verdict, found.cap_w, found.safe_tokens) == ("slack", None, None)
    own, ours = found.own.total_j, found.planned.total_j
    assert own is not None
    assert ours is not None
    assert found.own.energy_j is not None
    assert own == pytest.approx(found.own.energy_j + IDLE_W * found.own.period_s)
    assert (found.gap >= 0, found.kl_nats >= 0, found.kl_price_s) == (True, True, None)
    assert found.kl_price_j is not None
    assert found.kl_price_j > 0
    assert [kind.kind for kind in found.kinds] == ["fc1+gelu+fc2", "dequant_linear+gelu+fc2"]
    assert [kind.experts for kind in found.kinds] == [4, 4]


def test_in_decode_the_batch_is_drawn_and_it_says_so(model: Path) -> None:
    found = plan_route(model, replace(QUERY, tokens=8, kl_price_j=5e-3))
    assert (found.regime, found.gap_of) == ("concentrate", "top-k mass")
    assert found.planned.active_experts < found.own.active_experts
    assert found.measured_gap is None
    assert "the batch was drawn by the routing" in found.reasons[-1]


def test_a_layer_tells_its_experts_and_their_kernels(tmp_path: Path) -> None:
    path = tmp_path / "layer.json"
    write_document(path, with_checksum(gated_file("uniform")))
    found = plan_route(path, PlanQuery(tokens=64))
    assert (found.experts, found.top_k, found.kinds[0].kind) == (
        16, 2, "w13_grouped+act_mul+w2_grouped",
    )  # fmt: skip
    assert found.energy_reason is not None
    assert (found.kl_price_j, found.kl_price_s is not None) == (None, True)
    assert (found.own.energy_j, found.own.power_w, found.own.total_j) == (None, None, None)
    assert found.kinds[0].energy_distance is None


def test_a_rank_of_expert_parallelism_is_no_router_of_its_own(tmp_path: Path) -> None:
    """Its kernels were measured with the rows that four ranks of 128 tokens send to it."""
    path = tmp_path / "rank.json"
    rank = gated_file("uniform", layer=replace(LAYER, local_experts=4))
    write_document(path, with_checksum(rank))
    with pytest.raises(BadInput, match=r"one rank .* which holds 4 of 16 experts") as refused:
        plan_route(path, PlanQuery(tokens=512))
    assert refused.value.hint == "--experts 16, and for a plan --gpus 4"
    whole = plan_route(path, PlanQuery(tokens=512, experts="16", gpus=4))
    assert (whole.top_k, whole.gpus) == (2, 4)
    assert not any("extrapolated" in reason for reason in whole.reasons if "_grouped" in reason)


def test_a_cap_below_the_power_is_paced_and_names_a_batch_that_needs_no_wait(model: Path) -> None:
    """Every kernel draws 150 W, whatever the routing."""
    found = plan_route(model, replace(QUERY, power_cap_w=100.0))
    assert (found.verdict, found.cap_w, found.safe_tokens) == ("paced", 100.0, None)
    assert found.planned.period_s == pytest.approx(2 * found.planned.latency_s)
    wide = plan_route(model, replace(QUERY, power_cap_w=151.0))
    assert (wide.verdict, wide.safe_tokens) == ("slack", 256)


def test_a_temperature_is_a_cap_by_the_models_thermal_response(model: Path, tmp_path: Path) -> None:
    """30 °C without power, and 0.1 K/W."""
    found = plan_route(model, replace(QUERY, temp_limit_c=40.0))
    assert found.cap_w == pytest.approx(100.0)
    assert found.verdict == "paced"
    path = tmp_path / "cool.json"
    write_document(path, with_checksum(replace(chain_file(), thermal=None)))
    with pytest.raises(BadInput, match="--temp-limit 40 needs a thermal response: no step"):
        plan_route(path, replace(QUERY, temp_limit_c=40.0))


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"tokens": 0}, "--tokens is 0"),
        ({"gpus": 0}, "--gpus is 0"),
        ({"top_k": 9}, "--top-k is 9, and a token goes to 1 to 8 different experts"),
        ({"top_k": None}, "--top-k is missing"),
        ({"experts": None}, "--experts is missing"),
        ({"experts": "4x"}, "'4x' is no number from 1 to 1024"),
        ({"experts": "0"}, "'0' is no number"),
        ({"experts": "²"}, "'²' is no number"),
        ({"experts": "1024,1"}, "--experts makes 1025"),
        ({"experts": "4:fc1+fc9"}, r"expert 0 \(fc1\+fc9\) has no curve"),
        ({"experts": "4:fc1+"}, "an expert of the kernels fc1+"),
        ({"routing": "zipf:99"}, "the skew of zipf"),
        ({"power_cap_w": 50.0}, "the power cap of 50 W is unreachable: .* the idle GPU draws 50 W"),
        ({"power_cap_w": -1.0}, "the target power_w is -1.0"),
        ({"temp_limit_c": 20.0}, "the temperature cap of 20 °C is unreachable"),
        ({"temp_limit_c": 40.0, "gpus": 2}, "is that of one GPU, and there are 2"),
        ({"kl_price_j": 0.0}, "kl_price_j is 0.0"),
    ],
)
def test_what_cannot_be_planned_is_refused_by_name(
    model: Path, changed: dict[str, object], sentence: str
) -> None:
    with pytest.raises(BadInput, match=sentence):
        plan_route(model, replace(QUERY, **changed))  # type: ignore[arg-type]
