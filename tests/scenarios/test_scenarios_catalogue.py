"""The catalogue: each operation computes what its reference does, and counts FLOPs and bytes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from moeprof.kernels.formats.names import FORMATS
from moeprof.kernels.gated import ACT_MUL_FLOPS
from moeprof.scenarios.catalogue import CATALOGUE, OPERATIONS, LoadedOp, find_ops
from moeprof.scenarios.operation import Operation
from moeprof.scenarios.preset import ACTIVATIONS, ROUTERS, Preset, load_preset
from moeprof.store.errors import BadInput
from moeprof.tests.scenarios.made_inputs import inputs_of, tensors, widened

WHOLE_LAYER: dict[str, Any] = {
    "shared_ffn": 8, "heads": 4, "kv_heads": 2, "head_dim": 8, "context": 5, "groups": 2,
    "kept_groups": 1,
}  # fmt: skip
TINY = Preset(
    "tiny", "made up", 16, 24, 4, 2, "float32", 4, 8, routing="counts:3:3,2,1,0", **WHOLE_LAYER
)
ODD = Preset(
    "odd", "made up", 40, 56, 9, 3, "float32", 4, 8, shared_ffn=24, heads=6, kv_heads=2, head_dim=8,
    context=7, groups=3, kept_groups=2, routing="zipf:1.1",
)  # fmt: skip
LATENT: dict[str, Any] = {
    "kv_heads": None, "head_dim": None, "q_lora_rank": 6, "kv_lora_rank": 10, "qk_nope_head_dim": 8,
    "qk_rope_head_dim": 4, "v_head_dim": 7,
}  # fmt: skip
SINGLE = [
    one for one in OPERATIONS.values() if one.surface is None
]  # `experts` have their own test

PACKED = [one for one in SINGLE if "weight_bits" in one.fields]


def fitting(operation: Operation, preset: Preset) -> Preset:
    """The preset, with latent attention in place of its own for an operation of it."""
    latent = {"q_lora_rank", "kv_lora_rank", "qk_nope_head_dim"} & {*operation.shape}
    return replace(preset, **LATENT) if latent else preset


each_operation = pytest.mark.parametrize("operation", SINGLE, ids=lambda operation: operation.name)


@pytest.mark.parametrize("tokens", [1, 3, 17])
@each_operation
def test_run_computes_what_the_reference_does_in_float64(operation: Operation, tokens: int) -> None:
    assert operation.reference is not None
    inputs = inputs_of(operation, fitting(operation, ODD), tokens, torch.float32)
    given = tensors(operation.run(*inputs))
    exact = tensors(operation.reference(*widened(inputs)))
    assert len(given) == len(exact) > 0
    for one, other in zip(given, exact, strict=True):
        atol = 2e-4 + 1e-6 * other.abs().max().item()  # where large terms cancel
        torch.testing.assert_close(one.double(), other.double(), rtol=1e-4, atol=atol)


@pytest.mark.parametrize("operation", PACKED, ids=lambda one: one.name)
def test_packed_weights_may_have_8_bits(operation: Operation) -> None:
    preset = replace(ODD, weight_bits=8, activation="gelu")
    inputs = inputs_of(operation, preset, 5, torch.float32)
    assert operation.reference is not None
    exact: Any = operation.reference(*widened(inputs))
    given: Any = operation.run(*inputs)
    torch.testing.assert_close(given.double(), exact, rtol=1e-4, atol=1e-6 * exact.abs().max())
    scenario = operation.scenario(preset, 5, "float32", "cold")
    assert "-w8-" in scenario.key
    assert scenario.bytes_moved == sum(one.nbytes for one in tensors([*inputs, given]))


FORMATTED = replace(ODD, hidden=128, ffn=256, shared_ffn=128)  # whole blocks of 128 by 128


@pytest.mark.parametrize("weight_format", FORMATS)
@pytest.mark.parametrize("operation", PACKED, ids=lambda one: one.name)
def test_packed_weights_may_have_any_format(operation: Operation, weight_format: str) -> None:
    sizes = FORMATS[weight_format]
    preset = replace(
        FORMATTED, weight_format=weight_format, weight_bits=sizes.bits,
        group_size=sizes.group or 32, activation="clipped",
    )  # fmt: skip
    inputs = inputs_of(operation, preset, 5, torch.float32)
    assert operation.reference is not None
    exact: Any = operation.reference(*widened(inputs))
    given: Any = operation.run(*inputs)
    torch.testing.assert_close(given.double(), exact.double(), rtol=1e-4, atol=1e-5)
    scenario = operation.scenario(preset, 5, "float32", "cold")
    named = weight_format not in ("int4", "int8")
    assert (weight_format in scenario.key) == named
    assert scenario.weight_bits == sizes.bits
    assert scenario.group_size == (None if sizes.group == 0 else preset.group_size)
    assert scenario.bytes_moved == sum(one.nbytes for one in tensors([*inputs, given]))


@pytest.mark.parametrize("router", ROUTERS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_layer_computes_with_each_router_and_activation(router: str, activation: str) -> None:
    layer = OPERATIONS["moe_layer"]
    preset = replace(ODD, router=router, activation=activation, shared_ffn=None)
    inputs = inputs_of(layer, preset, 5, torch.float32)
    assert layer.reference is not None
    exact: Any = layer.reference(*widened(inputs))
    given: Any = layer.run(*inputs)
    scale = exact.abs().mean().item()
    torch.testing.assert_close(given.double(), exact, rtol=1e-4, atol=1e-5 * scale)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@each_operation
def test_the_bytes_are_those_of_all_inputs_and_outputs(operation: Operation, dtype: str) -> None:
    preset = fitting(operation, ODD)
    inputs = inputs_of(operation, preset, 5, getattr(torch, dtype))
    operands = [*tensors(inputs), *tensors(operation.run(*inputs))]
    counted = operation.scenario(preset, 5, dtype, "cold").bytes_moved
    assert counted == sum(operand.nbytes for operand in operands)


def counted_by_torch(operation: Operation, tokens: int) -> Any:
    """FLOPs of products by torch's counter, which knows no grouped product, nor SDPA of a CPU."""
    grouped = {torch.ops.aten._grouped_mm: lambda x, w, *_, **__: 2 * x[0] * x[1] * w[2]}
    inputs = inputs_of(operation, fitting(operation, ODD), tokens, torch.float32)
    with (
        FlopCounterMode(display=False, custom_mapping=grouped) as counter,
        sdpa_kernel(SDPBackend.MATH),
    ):
        operation.run(*inputs)
    return counter.get_total_flops()


@pytest.mark.parametrize(
    "name",
    ["fc1", "fc2", "gate", "w13", "w13_grouped", "w2", "w2_grouped", "unpermute", "qkv", "o_proj",
     "attention_decode", "attention_prefill", "q_a", "q_b", "q_proj", "kv_a", "kv_b", "absorb_q",
     "absorb_v", "mla_decode", "mla_prefill"],
)  # fmt: skip
def test_the_flops_of_products_are_those_that_torch_counts(name: str) -> None:
    operation = OPERATIONS[name]
    for tokens in (1, 6):
        preset = fitting(operation, ODD)
        flops = operation.scenario(preset, tokens, "float32", "cold").flops
        assert flops == counted_by_torch(operation, tokens)


def test_the_other_flops_of_a_layer_are_its_router_its_activations_and_a_sum() -> None:
    def flops(name: str) -> int:
        return int(OPERATIONS[name].scenario(ODD, 6, "float32", "cold").flops)

    silu = ACT_MUL_FLOPS["silu"]
    shared = flops("shared_expert") - counted_by_torch(OPERATIONS["shared_expert"], 6)
    assert shared == silu * 6 * 24
    others = flops("moe_layer") - counted_by_torch(OPERATIONS["moe_layer"], 6)
    assert others == flops("topk") + silu * 18 * 56 + shared + 6 * 40


ROUTING = TINY.variants["routing"]
# Worked out by hand: 3 tokens, hidden 16, ffn 24, 4 experts in 2 groups of which 1 is kept, 2 a
# token, groups of 8 weights, shared_ffn 8, 4 heads of 8, 2 of keys, 5 tokens of context, float32.
# By the routing 3, 2, 1 and 0 of the 6 rows go to each expert, so that three are active.
BY_HAND = {
    # 2 * 3 * 16 * 24; 48 + 384 + 72 elements of 4 bytes.
    "fc1": (2304, 2016, "fc1-b3-16x24-fp32-cold"),
    "fc2": (2304, 2016, "fc2-b3-24x16-fp32-cold"),
    # 72 elements, read and written.
    "gelu": (360, 576, "gelu-b3-24-fp32-cold"),
    "relu": (72, 576, "relu-b3-24-fp32-cold"),
    # Weights padded to 32 x 64: 1024 bytes packed; 48 scales and 384 numbers of 4 bytes.
    "dequant_unpack": (768, 2752, "dequant_unpack-b3-16x24-fp32-w4-g8-cold"),
    # fc1 and dequant_unpack together, without the 384 numbers on the way.
    "dequant_linear": (3072, 1696, "dequant_linear-b3-16x24-fp32-w4-g8-cold"),
    # A token: 4 comparisons and 2 * 4 for the softmax; 4 logits, 2 weights and 2 ids of 4 bytes.
    "topk": (36, 96, "topk-b3-fp32-e4-k2-cold"),
    # 2 * 3 * 16 * 4; 48 + 64 + 12 elements.
    "gate": (384, 496, "gate-b3-16-fp32-e4-cold"),
    # A token: 4 comparisons, 3 * 4 for the softmax of all, 2 divisions.
    "topk_softmax": (54, 96, "topk_softmax-b3-fp32-e4-k2-cold"),
    # A token: 4 comparisons; of 2 picks 4 for the sigmoid, an addition, a division.
    "topk_sigmoid": (48, 96, "topk_sigmoid-b3-fp32-e4-k2-cold"),
    # A token: 12 for the softmax, 4 + 2 comparisons for the group, 2 in it, 2 divisions.
    "topk_grouped": (66, 96, "topk_grouped-b3-2x1-fp32-e4-k2-cold"),
    # A token: 4 sigmoids of 4, 4 additions of the bias; 2 * 4 comparisons for the two largest of
    # the groups, 2 sums, 2 comparisons; 2 in the group; of 2 picks an addition, a division, a
    # product.
    "topk_biased": (120, 112, "topk_biased-b3-2x1-fp32-e4-k2-cold"),
    # 48 elements; 6 rows of an id, 16 elements and a place of 8 bytes; 4 ends.
    "permute": (0, 664, f"permute-b3-16-fp32-e4-k2-{ROUTING}-cold"),
    # 2 * 3 * 16 * 48; 48 + 768 + 144 elements.
    "w13": (4608, 3840, "w13-b3-16x24-fp32-cold"),
    # 2 * 6 * 16 * 48; 6 rows of 16 + 48 elements, 3 experts of 768 elements and an end.
    "w13_grouped": (9216, 10764, f"w13_grouped-b3-16x24-fp32-e4-k2-{ROUTING}-cold"),
    # 5, 6 and 9 for each of 6 * 24 elements; of each, three are moved.
    "act_mul": (720, 1728, "act_mul-b3-24-fp32-k2-cold"),
    "act_mul_gelu": (864, 1728, "act_mul_gelu-b3-24-fp32-k2-cold"),
    "act_mul_clipped": (1296, 1728, "act_mul_clipped-b3-24-fp32-k2-cold"),
    "w2": (2304, 2016, "w2-b3-24x16-fp32-cold"),
    # 2 * 6 * 24 * 16; 6 rows of 24 + 16 elements, 3 experts of 384 elements and an end.
    "w2_grouped": (4608, 5580, f"w2_grouped-b3-24x16-fp32-e4-k2-{ROUTING}-cold"),
    # 2 * 3 * 768 to unpack three experts, 2 * 6 * 768, 5 * 144; 6 rows of 16 + 24 elements, of each
    # of 3 experts 3 slabs of 512 bytes, 2 * 48 scales and a count.
    "w13_act_packed": (
        14544,
        6732,
        f"w13_act_packed-b3-16x24-fp32-w4-g8-e4-k2-silu.{ROUTING}-cold",
    ),
    # 2 * 3 * 384, 2 * 6 * 384; 6 rows of 24 + 16, of each expert 1 slab, 3 * 16 scales and a count.
    "w2_packed": (6912, 3084, f"w2_packed-b3-24x16-fp32-w4-g8-e4-k2-{ROUTING}-cold"),
    # 3 * 2 * 16 * 8 to unpack, 3 * 2 * 3 * 16 * 8 and 5 * 3 * 8; 48 + 48 elements, 2 slabs and
    # 2 * 16 + 16 scales.
    "shared_expert_packed": (3192, 1600, "shared_expert_packed-b3-16x8-fp32-w4-g8-silu-cold"),
    # 2 * 6 * 16; 6 rows of 16 elements, a place and a weight; 48 elements.
    "unpermute": (192, 648, f"unpermute-b3-16-fp32-e4-k2-{ROUTING}-cold"),
    # 3 * 2 * 3 * 16 * 8 and 5 * 3 * 8; 48 + 48 + 3 * 128 elements.
    "shared_expert": (2424, 1920, "shared_expert-b3-16x8-fp32-silu-cold"),
    # w13, act_mul of 6 rows, w2 and unpermute: 9216 + 720 + 4608 + 192. 48 + 48 elements, 3 experts
    # of 3 * 384; 6 ids and 6 shares of 4 bytes.
    "routed_experts": (14736, 14256, f"routed_experts-b3-16x24-fp32-e4-k2-silu.{ROUTING}-cold"),
    # The same and 2 * 3 * 1152 to unpack three experts; 48 + 48 elements, 6 ids and 6 shares, of
    # each of 3 experts 3 + 1 slabs of 512 bytes, and 96 + 48 scales.
    "routed_experts_packed": (
        21648,
        8304,
        f"routed_experts_packed-b3-16x24-fp32-w4-g8-e4-k2-silu.{ROUTING}-cold",
    ),
    # gate, topk, w13, act_mul of 6 rows, w2, unpermute, shared_expert and a sum of 48:
    # 384 + 36 + 9216 + 720 + 4608 + 192 + 2424 + 48. 48 + 48 + 64 elements, 3 experts of 3 * 384,
    # the shared one of 3 * 128; 6 ids of 8 bytes.
    "moe_layer": (17628, 16048, f"moe_layer-b3-16x24x8-fp32-e4-k2-topk.silu.{ROUTING}-cold"),
    # The same, and 2 * 3 * 16 * (3 * 24 + 8) to unpack. 48 + 48 + 64 elements, 6 ids, of each of 3
    # experts 4 slabs of 512 bytes and 96 + 48 scales, of the shared one 2 slabs and 32 + 16 scales.
    "moe_layer_packed": (
        25308,
        9776,
        f"moe_layer_packed-b3-16x24x8-fp32-w4-g8-e4-k2-topk.silu.{ROUTING}-cold",
    ),
    # 2 * 3 * 16 * 64 for 4 + 2 + 2 heads of 8; 48 + 1024 + 192 elements.
    "qkv": (6144, 5056, "qkv-b3-16x4x2x8-fp32-cold"),
    # 60 queries by 5 keys and by 5 values of 8; 60 queries, 60 results, 30 keys, 30 values of 8.
    "attention_prefill": (9600, 5760, "attention_prefill-b3-4x2x8x5-fp32-cold"),
    # The same with 12 queries and 12 results.
    "attention_decode": (1920, 2688, "attention_decode-b3-4x2x8x5-fp32-cold"),
    # 2 * 3 * 32 * 16; 96 + 512 + 48 elements.
    "o_proj": (3072, 2624, "o_proj-b3-4x8x16-fp32-cold"),
    # Latent attention: 4 heads, ranks of 6 and 10, keys of 8 and 4 for the position, values of 7.
    # 2 * 3 * 16 * 6; 48 + 96 + 18 elements.
    "q_a": (576, 648, "q_a-b3-16x6-fp32-cold"),
    # 2 * 3 * 6 * 48 for 4 heads of 12; 18 + 288 + 144 elements.
    "q_b": (1728, 1800, "q_b-b3-6x4x8x4-fp32-cold"),
    # 2 * 3 * 16 * 48; 48 + 768 + 144 elements.
    "q_proj": (4608, 3840, "q_proj-b3-16x4x8x4-fp32-cold"),
    # 2 * 3 * 16 * 14; 48 + 224 + 42 elements.
    "kv_a": (1344, 1256, "kv_a-b3-16x10x4-fp32-cold"),
    # 2 * 3 * 10 * 60 for 4 heads of 8 and 7; 30 + 600 + 180 elements.
    "kv_b": (3600, 3240, "kv_b-b3-10x4x8x7-fp32-cold"),
    # 60 queries by 5 keys of 12 and 5 values of 7; 60 of each, of 12, 12, 7 and 7.
    "mla_prefill": (11400, 9120, "mla_prefill-b3-4x8x4x7x5-fp32-cold"),
    # 2 * 4 * 3 * 8 * 10; of each head 24, 80 and 30 elements.
    "absorb_q": (1920, 2144, "absorb_q-b3-4x8x10-fp32-cold"),
    # 12 queries by 5 keys of 14 and 5 values of 10; 12 of 14 and of 10, and 15 tokens of 14.
    "mla_decode": (2880, 1992, "mla_decode-b3-4x10x4x5-fp32-cold"),
    # 2 * 4 * 3 * 10 * 7; of each head 30, 70 and 21 elements.
    "absorb_v": (1680, 1936, "absorb_v-b3-4x10x7-fp32-cold"),
}


def test_every_operation_is_worked_out() -> None:
    assert [operation.name for operation in SINGLE] == list(BY_HAND)


@each_operation
def test_the_counts_and_the_key_are_those_worked_out_by_hand(operation: Operation) -> None:
    scenario = operation.scenario(fitting(operation, TINY), 3, "float32", "cold")
    assert (scenario.flops, scenario.bytes_moved, scenario.key) == BY_HAND[operation.name]


# Finding them

SOURCE = '''
"""negate: the other sign."""

import torch

from moeprof.scenarios.operation import Operation


def make_inputs(take, tokens, ffn):
    return (take((tokens, ffn)),)


def run(x):
    return -x


{name} = Operation(
    name="{name}",
    make_inputs=make_inputs,
    run=run,
    flops=lambda tokens, preset: tokens * preset.ffn,
    bytes_moved=lambda tokens, preset, dtype_bytes: 2 * tokens * preset.ffn * dtype_bytes,
)
'''


def a_file(folder: Path, text: str, name: str = "my_op.py") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def names(words: str, preset: Preset | None = None) -> list[str]:
    return [found.operation.name for found in find_ops(words, preset)]


def test_all_is_the_catalogue_of_seven() -> None:
    assert find_ops("all") == [LoadedOp(operation) for operation in CATALOGUE]
    assert names("all") == "fc1 fc2 gelu relu dequant_unpack dequant_linear topk".split()


def test_a_layer_has_the_router_the_activation_and_the_shared_expert_of_its_preset() -> None:
    assert names("layer", ODD) == [
        "gate", "topk", "permute", "w13_grouped", "act_mul", "w2_grouped", "unpermute",
        "shared_expert", "moe_layer",
    ]  # fmt: skip
    other = replace(ODD, router="topk_biased", activation="clipped", shared_ffn=None)
    assert names("layer", other) == [
        "gate", "topk_biased", "permute", "w13_grouped", "act_mul_clipped", "w2_grouped",
        "unpermute", "moe_layer",
    ]  # fmt: skip


def test_a_layer_whose_weights_have_a_format_has_the_operations_on_packed_ones() -> None:
    packs = replace(ODD, weight_format="int4")
    assert names("layer", packs) == [
        "gate", "topk", "permute", "w13_act_packed", "w2_packed", "unpermute",
        "shared_expert_packed", "moe_layer_packed",
    ]  # fmt: skip


def test_the_layer_of_a_grouped_router_has_its_groups_in_its_key() -> None:
    layer = OPERATIONS["moe_layer"]
    grouped = replace(TINY, router="topk_biased").variants["router"]
    assert grouped == "topk_biased1of2"
    assert layer.scenario(replace(TINY, router="topk_biased"), 3, "float32", "cold").variant == (
        f"{grouped}.silu.{ROUTING}"
    )


def test_a_rank_has_the_rows_and_the_weights_of_its_own_experts() -> None:
    rank = replace(TINY, local_experts=2)
    assert "moe_layer" not in names("layer", rank)
    # Two ranks bring 3 tokens each: of their 12 rows, those of experts 0 and 2.
    assert rank.expert_loads(3) == tuple(TINY.expert_loads(6)[::2])
    found = OPERATIONS["w13_grouped"].scenario(rank, 3, "float32", "cold")
    assert found.key == f"w13_grouped-b3-16x24x2-fp32-e4-k2-{ROUTING}-cold"
    assert found.flops == 2 * rank.expert_rows(3) * 16 * 48


@pytest.mark.parametrize("name", ["w13_grouped", "w2_grouped", "w13_act_packed", "w2_packed"])
def test_the_grouped_operations_of_a_rank_match_their_reference(name: str) -> None:
    rank, operation = replace(ODD, local_experts=3), OPERATIONS[name]
    inputs = inputs_of(operation, rank, 5, torch.float32)
    assert len(inputs[0]) == rank.expert_rows(5)
    assert operation.reference is not None
    given: Any = operation.run(*inputs)
    exact: Any = operation.reference(*widened(inputs))
    torch.testing.assert_close(given.double(), exact, rtol=1e-4, atol=1e-5 * exact.abs().max())
    counted = operation.scenario(rank, 5, "float32", "cold").bytes_moved
    assert counted == sum(one.nbytes for one in tensors([*inputs, given]))


def test_a_dense_layer_routes_nothing() -> None:
    dense = load_preset("llama-3.1-8b")
    assert names("layer", dense) == ["w13", "act_mul", "w2"]
    packs = replace(dense, weight_format="mxfp4", group_size=32)
    assert names("layer", packs) == ["w13_act_packed", "w2_packed"]
    shared = replace(dense, shared_ffn=64)
    assert names("layer", shared) == ["w13", "act_mul", "w2", "shared_expert"]


def test_a_step_is_a_layer_and_its_attention() -> None:
    attention = ["qkv", "attention_prefill", "attention_decode", "o_proj"]
    assert names("step", ODD) == [*names("layer", ODD), *attention]
    assert names("step") == names("step", load_preset("small"))


def test_a_step_of_a_layer_without_attention_is_refused_with_what_is_measured_instead() -> None:
    bare = replace(ODD, heads=None, kv_heads=None, head_dim=None)
    with pytest.raises(BadInput, match="the preset odd names none") as refused:
        find_ops("step", bare)
    assert refused.value.hint.startswith("--ops layer")


def test_latent_attention_has_operations_of_its_own() -> None:
    latent = replace(ODD, **LATENT)
    after = ["kv_a", "kv_b", "mla_prefill", "absorb_q", "mla_decode", "absorb_v", "o_proj"]
    assert names("step", latent) == [*names("layer", latent), "q_a", "q_b", *after]
    direct = replace(latent, q_lora_rank=None)  # DeepSeek-V2-Lite
    assert names("step", direct) == [*names("layer", latent), "q_proj", *after]
    for name in names("step", direct):
        OPERATIONS[name].scenario(direct, 3, "float32", "cold")
    with pytest.raises(BadInput, match="attention_decode needs kv_heads") as refused:
        OPERATIONS["attention_decode"].scenario(latent, 3, "float32", "cold")
    assert "--ops step" in refused.value.hint


def test_o_proj_takes_what_the_heads_give_whatever_their_attention() -> None:
    latent, o_proj = replace(ODD, **LATENT), OPERATIONS["o_proj"]
    grouped = replace(ODD, head_dim=LATENT["v_head_dim"])
    given = [o_proj.scenario(one, 3, "float32", "cold") for one in (latent, grouped)]
    assert given[0] == given[1]
    x, weight = inputs_of(o_proj, latent, 3, torch.float32)
    assert (x.shape, weight.shape) == ((3, 42), (40, 42))


def test_absorbed_decode_gives_what_expanded_attention_gives() -> None:
    """(q W) c = q (W c): heads that read the latent cache, and heads with keys of their own."""
    generator = torch.Generator().manual_seed(0)
    heads, nope, rope, rank, values, context = 3, 8, 4, 10, 7, 5
    sizes = ((heads, nope), (heads, rope), (context, rank), (context, rope))
    q, q_rope, latent, k_rope = (torch.randn(s, generator=generator).double() for s in sizes)
    w_k = torch.randn(heads, nope, rank, generator=generator).double()
    w_v = torch.randn(heads, rank, values, generator=generator).double()

    absorbed: Any = OPERATIONS["absorb_q"].run(q[None], w_k)
    query = torch.cat([absorbed[:, 0], q_rope], dim=1)
    cache = torch.cat([latent, k_rope], dim=1)
    decoded: Any = OPERATIONS["mla_decode"].run(query[None, None], cache[None, None], rank)
    given: Any = OPERATIONS["absorb_v"].run(decoded[0], w_v)

    keys = torch.cat([torch.einsum("hno,co->hcn", w_k, latent), k_rope.expand(heads, -1, -1)], 2)
    # mla_decode scales by the width of the cache.
    q_whole = torch.cat([q, q_rope], 1) * ((nope + rope) / (rank + rope)) ** 0.5
    expanded = torch.nn.functional.scaled_dot_product_attention(
        q_whole[None, :, None], keys[None], (latent @ w_v)[None]
    )
    torch.testing.assert_close(given, expanded[0])


def test_experts_are_a_set_of_their_own_whose_operations_are_found_by_name_too() -> None:
    found = find_ops("experts")
    assert [one.operation.surface for one in found] == ["experts"] * 3
    assert found == find_ops("experts_few,experts_some,experts_all")


def test_names_are_found_in_the_order_they_are_given() -> None:
    assert [found.operation.name for found in find_ops("topk, fc1")] == ["topk", "fc1"]


@pytest.mark.parametrize(("word", "meant"), [("fc3", "fc"), ("dequant_linar", "dequant_linear")])
def test_an_unknown_name_is_answered_with_the_nearest(word: str, meant: str) -> None:
    with pytest.raises(BadInput, match=f"no operation '{word}'") as caught:
        find_ops(f"gelu,{word}")
    assert f"did you mean {meant}" in caught.value.hint
    assert "topk" in caught.value.hint


def test_a_name_near_to_none_is_answered_with_all() -> None:
    with pytest.raises(BadInput, match="no operation ''") as caught:
        find_ops("")
    assert "did you mean" not in caught.value.hint
    assert all(name in caught.value.hint for name in OPERATIONS)


@pytest.mark.parametrize("words", ["fc1,fc1", "all,gelu"])
def test_an_operation_named_twice_is_refused(words: str) -> None:
    with pytest.raises(BadInput, match=r"names the operation (fc1|gelu) twice"):
        find_ops(words)


def test_an_operation_of_two_sets_is_taken_once() -> None:
    names = [each.operation.name for each in find_ops("all,layer,step")]
    assert len(names) == len(set(names))
    assert {*names} == {
        each.operation.name for words in ("all", "step") for each in find_ops(words)
    }


def test_the_operation_of_a_users_file_comes_with_its_path(tmp_path: Path) -> None:
    path = a_file(tmp_path, SOURCE.format(name="negate"))
    fc1, negate = find_ops(f"fc1,{path}")
    assert fc1.source is None
    assert negate.source == str(path)
    assert negate.operation.scenario(TINY, 2, "float32", "cold").flops == 48


def test_a_users_file_may_not_bear_the_name_of_another_operation(tmp_path: Path) -> None:
    path = a_file(tmp_path, SOURCE.format(name="relu"))
    assert [found.operation.name for found in find_ops(str(path))] == ["relu"]
    with pytest.raises(BadInput, match="names the operation relu twice"):
        find_ops(f"all,{path}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def run(:", "does not run: SyntaxError"),
        ("import there_is_no_such_module", "does not run: ModuleNotFoundError"),
        ("1 / 0", "does not run: ZeroDivisionError"),
        (SOURCE.format(name="Bad"), "'Bad' is no name for an operation"),
        ("x = 1", "defines no Operation"),
    ],
)
def test_a_users_file_that_is_broken_is_named_with_the_reason(
    text: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match=said):
        find_ops(str(a_file(tmp_path, text)))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nothing\.py does not exist"):
        find_ops(str(tmp_path / "nothing.py"))


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as pip leaves it: a package's module, its metadata and its entry points."""
    a_file(tmp_path, SOURCE.format(name="negate"), "other_peoples_ops.py")
    info = tmp_path / "other_peoples_ops-1.0.dist-info"
    info.mkdir()
    a_file(info, "Metadata-Version: 2.1\nName: other-peoples-ops\nVersion: 1.0\n", "METADATA")
    points = (
        "negate = other_peoples_ops:negate\nno_op = other_peoples_ops:run\ngone = removed_ops:op\n"
    )
    a_file(info, f"[moeprof.ops]\n{points}", "entry_points.txt")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("installed")
def test_an_installed_operation_is_found_by_its_entry_point() -> None:
    (found,) = find_ops("negate")
    assert found.operation.name == "negate"
    assert found.source is None


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("no_op", "the entry point other_peoples_ops:run is no Operation"),
        ("gone", "the installed operation gone does not load: No module named 'removed_ops'"),
        ("negat", "no operation 'negat'"),
    ],
)
def test_an_installed_operation_that_is_none_is_named(word: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        find_ops(word)
