"""The gates: bounds on the machine code of each kernel, compiled without a GPU."""

from dataclasses import replace
from typing import Any

import pytest
import torch

triton = pytest.importorskip("triton", reason="Triton is not installed")

from moeprof.benchmarks.compiled.sass import MachineCode  # noqa: E402
from moeprof.benchmarks.compiled.static import (  # noqa: E402
    GPUS,
    MAX_PER_TOKEN,
    MAX_PER_WEIGHT,
    MAX_PERMUTES,
    MIXTRAL_FC1,
    active_set_code,
    dequant_linear_code,
    grouped_linear_code,
    instructions_per_weight,
    tile_code,
    topk_code,
)
from moeprof.kernels.activation import REFERENCES  # noqa: E402
from moeprof.kernels.routing import Routing  # noqa: E402
from moeprof.kernels.tiling.choice import tile_on  # noqa: E402
from moeprof.kernels.tiling.table import NEWEST_TRITON, TABLES, TableTile  # noqa: E402
from moeprof.kernels.tiling.tiles import Layer, Tile  # noqa: E402

QWEN3_FC2 = Layer(2048, 768, 4, 128)
FLOAT_LAYERS = (
    Layer(14336, 4096, 8, 128, codes="e4m3", span=128),
    Layer(5760, 2880, 4, 32, codes="e2m1"),
)
# Instructions per weight on sm_90, by rows of the tile.
MAX_PER_FLOAT_WEIGHT = {
    "e4m3": {16: 4.0, 32: 3.6, 64: 4.1, 128: 5.0},
    "e2m1": {16: 5.2, 32: 4.8, 64: 5.2, 128: 6.2},
}
MATRIX = {80: "HMMA", 90: "HGMMA", 100: "UTCHMMA"}
TABLE = TABLES[NEWEST_TRITON]
SHARED_BYTES = {80: 99 << 10, 90: 227 << 10, 100: 227 << 10}  # 80 stands for sm_86 too

counts_instructions = pytest.mark.skipif(
    triton.__version__ != "3.7.1", reason="the gates count what Triton 3.7.1 makes"
)


def check_product(code: MachineCode) -> None:
    """What holds for every product on every family."""
    assert (code.spills, code.stack_bytes) == (0, 0)
    assert code.matrix == MATRIX[code.architecture]
    assert code.shared_bytes <= SHARED_BYTES[code.architecture]
    assert code.copies > 0
    assert code.narrow_copies == 0
    assert code.conversions == 0


def check_chosen(code: MachineCode) -> None:
    """What holds for every tile that is chosen: no register is rewritten while it may be read."""
    check_product(code)
    assert code.rewritten == 0


def check_gates(tile: Tile, code: MachineCode) -> None:
    """What holds on sm_90 for weights of 4 bits without zero points, where a step has one group."""
    check_product(code)
    assert code.permutes <= MAX_PERMUTES
    assert not code.serialised
    assert instructions_per_weight(tile, code) <= MAX_PER_WEIGHT[tile.rows]


@counts_instructions
@pytest.mark.parametrize("entry", TABLE[90], ids=str)
def test_a_weight_of_4_bits_takes_few_instructions(entry: TableTile) -> None:
    tile = tile_on(GPUS[90], MIXTRAL_FC1, entry)
    check_gates(tile, tile_code(MIXTRAL_FC1, tile, 90))


@counts_instructions
@pytest.mark.parametrize(
    ("family", "tokens"), [(80, 8), (80, 512), (90, 8), (90, 64), (90, 512), (100, 512)]
)
@pytest.mark.parametrize("layer", FLOAT_LAYERS, ids=str)
def test_floating_point_weights_spill_nothing(layer: Layer, family: int, tokens: int) -> None:
    tile, code = dequant_linear_code(layer, tokens, family, activation="clipped_mul")
    check_chosen(code)
    if family == 90:
        most = MAX_PER_FLOAT_WEIGHT[layer.codes]
        assert instructions_per_weight(tile, code) <= most[tile.rows]


@pytest.mark.parametrize(
    ("family", "entry"),
    [(family, entry) for family, entries in TABLE.items() for entry in entries],
    ids=str,
)
def test_every_tile_of_the_table_spills_nothing_where_k_is_split(
    family: int, entry: TableTile
) -> None:
    tile = tile_on(GPUS[family], MIXTRAL_FC1, entry)
    tile = replace(tile, splits=2 if tile.rows < 256 else 1)
    check_product(tile_code(MIXTRAL_FC1, tile, family))


@counts_instructions
@pytest.mark.parametrize("entry", [entry for entry in TABLE[90] if entry.rows >= 64], ids=str)
@pytest.mark.parametrize("change", [{}, {"group": 64}], ids=["one group", "several groups"])
def test_this_compiler_rewrites_registers_of_products_in_flight(
    entry: TableTile, change: dict[str, Any]
) -> None:
    """Triton 3.7.1 is rightly not among those that wait."""
    layer = replace(MIXTRAL_FC1, **change)
    code = tile_code(layer, tile_on(GPUS[90], layer, entry), 90)
    assert code.rewritten > 0


@counts_instructions
@pytest.mark.parametrize("tokens", MAX_PER_WEIGHT)
def test_a_small_layer_takes_no_more_instructions(tokens: int) -> None:
    check_gates(*dequant_linear_code(QWEN3_FC2, tokens, 90))


@counts_instructions
@pytest.mark.parametrize(
    ("change", "dtype", "tokens", "most"),
    [
        ({}, torch.float16, 16, 3.2),
        ({}, torch.float16, 256, 4.1),
        ({"bits": 8}, torch.bfloat16, 16, 3.6),
        ({"bits": 8}, torch.bfloat16, 256, 4.5),
        ({"bits": 8}, torch.float16, 16, 3.2),
        ({"zeros": True}, torch.bfloat16, 16, 3.8),
        ({"zeros": True}, torch.bfloat16, 64, 3.7),
        ({"zeros": True}, torch.bfloat16, 128, 4.6),
        ({"zeros": True}, torch.bfloat16, 256, 4.7),
        ({"bits": 8, "zeros": True}, torch.bfloat16, 32, 3.7),
        ({"bits": 8, "zeros": True}, torch.bfloat16, 64, 4.2),
        ({"bits": 8, "zeros": True}, torch.bfloat16, 256, 5.1),
        ({"group": 64}, torch.bfloat16, 16, 3.6),
        ({"group": 64}, torch.bfloat16, 64, 3.6),
        ({"group": 64, "zeros": True}, torch.bfloat16, 16, 4.4),
        ({"group": 64, "zeros": True}, torch.bfloat16, 64, 4.2),
        ({"group": 32}, torch.bfloat16, 16, 3.7),
        ({"group": 32}, torch.bfloat16, 256, 4.6),
        ({"group": 96, "inputs": 4608}, torch.bfloat16, 64, 3.8),
        ({"group": 16}, torch.bfloat16, 64, 4.1),
        ({"group": 8}, torch.bfloat16, 16, 4.3),
        ({"group": 4096}, torch.bfloat16, 16, 3.2),
        ({"bits": 8, "group": 64, "zeros": True}, torch.bfloat16, 16, 4.9),
    ],
)
def test_other_weights_stay_within_their_instructions(
    change: dict[str, Any], dtype: torch.dtype, tokens: int, most: float
) -> None:
    layer = replace(MIXTRAL_FC1, **change)
    tile, code = dequant_linear_code(layer, tokens, 90, dtype)
    check_chosen(code)
    assert not code.serialised or tile.rows >= 128
    assert code.permutes <= MAX_PERMUTES or tile.scales == "each"  # whose numbers are paired
    assert instructions_per_weight(tile, code) <= most


@counts_instructions
@pytest.mark.parametrize(
    ("change", "dtype"),
    [
        ({"bits": 8}, torch.float16),
        ({"bits": 8, "group": 64}, torch.bfloat16),
        ({"group": 64, "zeros": True}, torch.bfloat16),
        ({"group": 32, "zeros": True}, torch.bfloat16),
    ],
)
def test_a_large_batch_of_a_small_layer_spills_nothing(
    change: dict[str, Any], dtype: torch.dtype
) -> None:
    tile, code = dequant_linear_code(replace(QWEN3_FC2, **change), 256, 90, dtype)
    check_chosen(code)
    assert tile.splits > 1


@pytest.mark.parametrize(
    ("layer", "family"),
    [
        (QWEN3_FC2, 100),
        (replace(MIXTRAL_FC1, group=32), 100),
        (replace(QWEN3_FC2, bits=8, group=32, zeros=True), 80),
        (replace(MIXTRAL_FC1, bits=8, group=8, zeros=True), 90),
        (Layer(4096, 4480, 8, 40), 90),
        (replace(MIXTRAL_FC1, bits=8, zeros=True), 100),
    ],
)
def test_the_largest_tiles_of_other_families_spill_nothing(layer: Layer, family: int) -> None:
    check_chosen(dequant_linear_code(layer, 512, family)[1])


@pytest.mark.parametrize("activation", REFERENCES)
def test_no_activation_spills_a_tile_of_256_rows(activation: str) -> None:
    (entry,) = (entry for entry in TABLE[90] if entry.rows == 256)
    tile = tile_on(GPUS[90], MIXTRAL_FC1, entry)
    check_product(tile_code(MIXTRAL_FC1, tile, 90, activation=activation))


def test_gelu_by_erf_spills_nothing_in_grouped_experts() -> None:
    check_chosen(grouped_linear_code(MIXTRAL_FC1, 8, 4096, 90, "gelu_erf")[1])


@pytest.mark.parametrize(("tokens", "family"), [(64, 90), (128, 100)])
def test_outputs_that_16_does_not_divide_spill_nothing(tokens: int, family: int) -> None:
    layer = Layer(4104, 4096, 4, 128)
    tile, code = dequant_linear_code(layer, tokens, family)
    check_chosen(code)
    assert tile.splits > 1
    check_chosen(grouped_linear_code(layer, 8, 8 * tokens, family, "gelu_erf")[1])
    small_groups = Layer(4104, 128, 8, 32, zeros=True)
    check_chosen(grouped_linear_code(small_groups, 60, 60 * tokens, family, "silu")[1])


@counts_instructions
@pytest.mark.parametrize("tokens", MAX_PER_WEIGHT)
def test_inputs_that_16_does_not_divide_are_copied_16_bytes_at_a_time(tokens: int) -> None:
    layer = Layer(14336, 4104, 4, 4104)
    tile, code = dequant_linear_code(layer, tokens, 90)
    check_gates(tile, code)
    assert code.copies >= 20


def test_a_group_of_any_size_compiles() -> None:
    code = dequant_linear_code(replace(MIXTRAL_FC1, group=8, zeros=True), 16, 90)[1]
    assert (code.spills, code.narrow_copies, code.matrix) == (0, 0, "HGMMA")


@pytest.mark.parametrize("family", [80, 90])
def test_float32_compiles_without_spilling(family: int) -> None:
    code = dequant_linear_code(MIXTRAL_FC1, 64, family, torch.float32)[1]
    assert code.spills == 0
    assert code.shared_bytes <= SHARED_BYTES[family]


@pytest.mark.parametrize(("bits", "group", "tokens"), [(8, 128, 64), (8, 32, 64), (8, 8, 64)])
def test_zero_points_spill_nothing_on_sm_100(bits: int, group: int, tokens: int) -> None:
    layer = replace(MIXTRAL_FC1, bits=bits, group=group, zeros=True)
    check_chosen(dequant_linear_code(layer, tokens, 100)[1])


@pytest.mark.parametrize(("tokens", "family"), [(64, 80), (64, 90), (4096, 90), (64, 100)])
def test_grouped_experts_cost_what_one_layer_does(tokens: int, family: int) -> None:
    tile, code = grouped_linear_code(MIXTRAL_FC1, 8, tokens, family)
    check_chosen(code)
    if family == 90 and triton.__version__ == "3.7.1":
        assert instructions_per_weight(tile, code) <= MAX_PER_WEIGHT[tile.rows]


@counts_instructions
@pytest.mark.parametrize(("experts", "k", "dtype"), MAX_PER_TOKEN)
def test_a_token_is_routed_in_few_instructions(experts: int, k: int, dtype: torch.dtype) -> None:
    rows, code = topk_code(experts, k, 90, dtype=dtype)
    assert code.spills == 0
    assert code.instructions / rows <= MAX_PER_TOKEN[experts, k, dtype]
    reductions = 2 if dtype == torch.float32 else 1  # per pick, one instruction each
    if experts * dtype.itemsize >= 512:  # a row fills a warp
        assert code.opcodes["REDUX"] == reductions * k * rows


@counts_instructions
@pytest.mark.parametrize(
    ("experts", "k", "dtype", "most"),
    [
        (64, 6, torch.float32, 200),
        (128, 8, torch.float32, 302),
        (256, 8, torch.float32, 507),
        (512, 8, torch.float32, 890),
        (64, 6, torch.bfloat16, 165),
        (128, 8, torch.float16, 190),
        (256, 8, torch.bfloat16, 270),
        (512, 8, torch.bfloat16, 440),
    ],
)
def test_one_row_per_warp_takes_little_more_instructions(
    experts: int, k: int, dtype: torch.dtype, most: int
) -> None:
    rows, code = topk_code(experts, k, 90, tokens=512, dtype=dtype)
    assert (rows, code.spills) == (1, 0)
    assert code.instructions <= most


@pytest.mark.parametrize("family", [80, 100])
def test_routing_spills_nothing_on_other_families(family: int) -> None:
    grouped = Routing("sigmoid", renormalise=True, scale=2.5, groups=8, kept_groups=4)
    assert topk_code(256, 8, family)[1].spills == 0
    assert topk_code(256, 8, family, grouped, with_bias=True, tokens=1)[1].spills == 0
    assert topk_code(256, 8, family, dtype=torch.bfloat16)[1].spills == 0
    assert topk_code(512, 8, family, grouped, dtype=torch.float16)[1].spills == 0


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_only_a_bias_takes_the_second_reduction_of_16_bits(dtype: torch.dtype) -> None:
    for biased, reductions in ((False, 8), (True, 16)):
        code = topk_code(256, 8, 90, with_bias=biased, tokens=1, dtype=dtype)[1]
        assert code.opcodes["REDUX"] == reductions


@pytest.mark.parametrize(("tokens", "experts"), [(16, 128), (64, 256)])
def test_the_active_set_spills_nothing(tokens: int, experts: int) -> None:
    code = active_set_code(tokens, experts, 8, 90)
    assert (code.spills, code.stack_bytes) == (0, 0)
