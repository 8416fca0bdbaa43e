"""The router and the activation of a published model, as far as its config.json shows them."""

from pathlib import Path
from typing import Any

import pytest

from moeprof.scenarios.configs.layer_form import layer_form
from moeprof.scenarios.configs.model_config import ModelConfig


def form_of(**keys: Any) -> tuple[dict[str, Any], list[str]]:
    sizes = {"num_experts": 64, "num_experts_per_tok": 8}
    return layer_form(ModelConfig(Path("config.json"), sizes | keys))


DEEPSEEK_V3 = {
    "model_type": "deepseek_v3", "scoring_func": "sigmoid", "topk_method": "noaux_tc",
    "n_group": 8, "topk_group": 4, "norm_topk_prob": True, "hidden_act": "silu",
}  # fmt: skip


@pytest.mark.parametrize(
    ("keys", "router"),
    [
        ({"model_type": "mixtral"}, "topk"),
        ({"model_type": "qwen3_moe", "norm_topk_prob": True}, "topk"),
        ({"model_type": "qwen3_moe", "norm_topk_prob": False}, "topk_softmax"),
        ({"model_type": "olmoe"}, "topk_softmax"),
        ({"model_type": "olmoe", "norm_topk_prob": True}, "topk"),
        ({"model_type": "llama4_text"}, "topk_sigmoid"),
        ({"scoring_func": "sigmoid"}, "topk_sigmoid"),
        ({"model_type": "deepseek_v2", "n_group": 8, "topk_group": 3}, "topk_grouped"),
        (DEEPSEEK_V3, "topk_biased"),
        ({"model_type": "glm4_moe", "n_group": 1, "topk_group": 1}, "topk_biased"),
        ({"scoring_func": "sigmoid", "use_routing_bias": True}, "topk_biased"),
        ({"model_type": "dots1", "scoring_func": "softmax"}, "topk"),
        ({"model_type": "nemotron_h", "n_group": 1, "norm_topk_prob": True}, "topk_biased"),
        ({"model_type": "glm4v_moe_text"}, "topk_biased"),
        ({"model_type": "lfm2_moe", "use_expert_bias": False}, "topk_sigmoid"),
        ({"model_type": "cohere2_moe", "expert_selection_fn": "sigmoid"}, "topk_sigmoid"),
        ({"model_type": "jamba"}, "topk_softmax"),
    ],
)
def test_the_router_follows_from_the_keys_or_the_family(keys: dict[str, Any], router: str) -> None:
    assert form_of(**keys)[0]["router"] == router


@pytest.mark.parametrize(
    ("keys", "activation"),
    [
        ({}, "silu"),
        ({"hidden_act": "silu"}, "silu"),
        ({"hidden_act": "gelu_pytorch_tanh"}, "gelu"),
        ({"model_type": "gpt_oss", "hidden_act": "silu"}, "clipped"),
        ({"swiglu_limit": 7.0}, "clipped"),
        ({"activation": "gelu"}, "gelu"),
    ],
)
def test_the_activation_is_one_of_three(keys: dict[str, Any], activation: str) -> None:
    assert form_of(**keys)[0]["activation"] == activation


def test_what_is_not_usual_is_told() -> None:
    assert form_of(model_type="mixtral")[1] == []
    form, told = form_of(**DEEPSEEK_V3)
    assert (form["groups"], form["kept_groups"]) == (8, 4)
    assert told == ["experts are picked by topk_biased in 4 of 8 groups, and activated by silu"]
    assert form_of(hidden_act="relu2")[1] == [
        "experts are picked by topk, and activated by silu, in place of 'relu2', which no operation"
        " has"
    ]


def test_a_dense_layer_has_an_activation_and_picks_nothing() -> None:
    config = ModelConfig(Path("config.json"), {"hidden_activation": "gelu_pytorch_tanh"})
    form, told = layer_form(config, dense=True)
    assert form == {"router": "topk", "activation": "gelu"}
    assert told == ["the layer is activated by gelu"]


@pytest.mark.parametrize("kind", ["nemotron_h", "switch_transformers", "nllb-moe"])
def test_experts_without_a_gate_are_told(kind: str) -> None:
    assert form_of(model_type=kind, hidden_act="silu")[1][-1].startswith(
        f"{kind} has no gate, and --ops layer measures one: 3 matrices of hidden and ffn"
    )


@pytest.mark.parametrize(
    "groups", [{"n_group": 7}, {"n_group": 8, "topk_group": 9}, {"n_group": "x"}, {"n_group": 64}]
)
def test_groups_that_fit_no_experts_are_left_out(groups: dict[str, Any]) -> None:
    form, _ = form_of(model_type="deepseek_v3", **groups)
    assert (form["groups"], form["kept_groups"]) == (1, 1)
