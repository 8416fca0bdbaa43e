import pytest

from moeprof.costmodel.model import KernelCostModel
from moeprof.router.kinds.known import known_kind
from moeprof.store.errors import BadInput
from moeprof.tests.builders import make_model_file
from moeprof.tests.costmodel.layer.gated_models import gated_file, gated_model
from moeprof.tests.router.expert_models import chain_model, points


def test_a_layer_of_gated_experts_is_known_by_its_parts() -> None:
    assert str(known_kind(gated_model("uniform"))) == "w13_grouped+act_mul+w2_grouped"


def test_single_kernels_are_known_where_no_layer_was_measured() -> None:
    assert str(known_kind(chain_model())) == "fc1+gelu+fc2"


def test_one_curve_of_balanced_experts_is_known_and_several_are_named() -> None:
    columns = {"experts": 8, "top_k": 2}
    one, two = (
        points(
            "moe_balanced", lambda b: 10.0 + b, None, curve=f"{name}-8x4", shape=[8, width],
            **columns,
        )
        for name, width in (("one", 4), ("two", 6))
    )  # fmt: skip
    assert str(known_kind(KernelCostModel.from_file(make_model_file(one)))) == "one-8x4"
    both = KernelCostModel.from_file(make_model_file(one, two))
    with pytest.raises(BadInput, match="several could compute the experts: one-8x4, two-8x4"):
        known_kind(both)


def test_without_kernels_of_experts_it_lists_what_there_is() -> None:
    file = gated_file("uniform", without=("w2_grouped",))
    with pytest.raises(BadInput, match=r"it has act_mul, .*w13_grouped") as refused:
        known_kind(KernelCostModel.from_file(file))
    assert "--experts 8:fc1+gelu+fc2" in refused.value.hint
