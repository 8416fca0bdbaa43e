"""Products have the widths of published models, and together their parameters."""

import pytest

from moeprof.costmodel.steptime.composition.products import products_of
from moeprof.costmodel.steptime.features.deployment import Split
from moeprof.costmodel.steptime.features.parameters import (
    attention_parameters,
    dense_parameters,
)
from moeprof.store.serving.whole_model import WholeModel
from moeprof.tests.costmodel.steptime.whole_models import (
    DEEPSEEK_V3,
    GEMMA_2_9B,
    LLAMA_3_8B,
    MIXTRAL_8X7B,
    served,
)


def test_a_dense_model_has_four_products() -> None:
    found = [(one.op, one.outputs, one.inputs) for one in products_of(served())]
    assert found == [
        ("qkv", 6144, 4096), ("o_proj", 4096, 4096), ("w13", 28672, 4096), ("w2", 4096, 14336),
    ]  # fmt: skip
    assert [one.shape for one in products_of(served())] == [
        (4096, 32, 8, 128), (32, 128, 4096), (4096, 14336), (14336, 4096),
    ]  # fmt: skip


def test_heads_and_widths_are_split_and_a_key_head_stays_whole() -> None:
    found = products_of(served(gpu="GB200", split=Split(tp=16)))
    assert [(one.outputs, one.inputs) for one in found] == [
        ((2 + 2) * 128, 4096), (4096, 256), (2 * 896, 4096), (4096, 896),
    ]  # fmt: skip


def test_latent_attention_and_a_shared_expert_are_there() -> None:
    found = {(one.op, one.layers): one for one in products_of(served(DEEPSEEK_V3, split=Split(8)))}
    assert (found["q_b", 61].outputs, found["q_b", 61].inputs) == (16 * 192, 1536)
    assert (found["kv_a", 61].outputs, found["kv_a", 61].inputs) == (576, 7168)
    assert (found["w13", 3].outputs, found["w13", 58].outputs) == (2 * 2304, 2 * 256)


@pytest.mark.parametrize("model", [LLAMA_3_8B, MIXTRAL_8X7B, GEMMA_2_9B])
def test_products_hold_all_parameters_but_head_router_and_experts(model: WholeModel) -> None:
    held = sum(one.layers * one.outputs * one.inputs for one in products_of(served(model)))
    experts = model.experts
    router = 0 if experts is None else experts.layers * model.hidden_size * experts.count
    assert held == attention_parameters(model) + dense_parameters(model) - router


def test_of_latent_attention_the_absorbed_products_are_left_to_the_physics() -> None:
    held = sum(one.layers * one.outputs * one.inputs for one in products_of(served(DEEPSEEK_V3)))
    absorbed = 61 * 512 * 128 * (128 + 128)
    router = 58 * 7168 * 256
    whole = attention_parameters(DEEPSEEK_V3) + dense_parameters(DEEPSEEK_V3)
    assert held == whole - absorbed - router
