import pytest

from moeprof.costmodel.model import KernelCostModel
from moeprof.router.from_model import costs_of_experts
from moeprof.router.kinds.kind import ExpertKind
from moeprof.store.errors import BadInput
from moeprof.tests.builders import make_model_file
from moeprof.tests.router.expert_models import points


@pytest.mark.parametrize("ops", [(), ("fc1", "")])
def test_a_kind_names_its_kernels(ops: tuple[str, ...]) -> None:
    with pytest.raises(BadInput, match="an expert of the kernels"):
        ExpertKind(ops)


def test_a_kernel_of_all_experts_without_their_active_number_is_none_of_one_expert() -> None:
    file = make_model_file(points("moe_uniform", lambda b: 10.0 + b, None, experts=8, top_k=2))
    with pytest.raises(BadInput, match="moe_uniform computes all experts at once"):
        costs_of_experts(KernelCostModel.from_file(file), [ExpertKind(("moe_uniform",))], 8)


def test_a_kernel_of_tokens_that_were_dealt_out_in_turns_tells_its_fixed_charge() -> None:
    """10 us an active expert and 2 us a token, of 8 experts and 2 a token."""
    table = points(
        "moe_balanced", lambda b: 5 + 10 * min(8, 2 * b) + 2 * b, None, experts=8, top_k=2
    )
    model = KernelCostModel.from_file(make_model_file(table))
    costs = costs_of_experts(model, [ExpertKind(("moe_balanced",))] * 8, 64)
    assert costs.latency_s[0, 1] * 1e6 == pytest.approx(10 + 1, rel=0.02)
    assert costs.latency_s[0, -1] * 1e6 == pytest.approx(10 + 64, rel=0.02)


def test_a_kernel_of_all_rows_between_grouped_ones_is_read_by_its_assignments() -> None:
    """Its batch size counts tokens, each of which makes top_k rows."""
    file = make_model_file(points("act_mul", lambda b: 1.0 + b, None, top_k=4))
    costs = costs_of_experts(KernelCostModel.from_file(file), [ExpertKind(("act_mul",))], 64)
    assert costs.latency_s[0, -1] * 1e6 == pytest.approx(1 + 64 / 4)
