"""An operation: what it refuses, and the scenario that it describes."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from moeprof.scenarios.operation import InputFactory, Operation
from moeprof.scenarios.preset import Preset
from moeprof.store.errors import BadInput

PRESET = Preset("tiny", "made up", 16, 24, 4, 2, "float32", 4, 8)


def make_inputs(take: InputFactory, tokens: int, ffn: int, top_k: int) -> tuple[torch.Tensor, int]:
    return take((tokens, ffn)), top_k


def run(x: torch.Tensor, k: int) -> torch.Tensor:
    return x * k


def an_operation(**changes: Any) -> Operation:
    given: dict[str, Any] = {
        "name": "scale",
        "make_inputs": make_inputs,
        "run": run,
        "flops": lambda tokens, preset: tokens * preset.ffn,
        "bytes_moved": lambda tokens, preset, dtype_bytes: 2 * tokens * preset.ffn * dtype_bytes,
    }
    return Operation(**given | changes)


def test_the_sizes_are_those_that_make_inputs_asks_for_by_name() -> None:
    assert an_operation().sizes(PRESET) == {"ffn": 24, "top_k": 2}


def test_a_scenario_holds_the_shape_and_the_fields_that_are_named() -> None:
    operation = an_operation(shape=("ffn", "hidden"), fields=("group_size", "top_k"))
    scenario = operation.scenario(PRESET, 3, "bfloat16", "hot")
    assert (scenario.op, scenario.tokens, scenario.shape) == ("scale", 3, (24, 16))
    assert (scenario.flops, scenario.bytes_moved) == (72, 288)
    assert (scenario.group_size, scenario.top_k) == (8, 2)
    assert (scenario.weight_bits, scenario.experts, scenario.active_experts) == (None, None, None)
    assert scenario.key == "scale-b3-24x16-bf16-g8-k2-hot"
    assert scenario.curve == "scale-24x16-bf16-g8-k2-hot"


def test_words_of_the_preset_are_in_the_key_and_among_the_arguments() -> None:
    def make_routed(take: InputFactory, tokens: int, routing: str) -> tuple[torch.Tensor, str]:
        return take((tokens, 1)), routing

    routed = an_operation(make_inputs=make_routed, variant=("activation", "routing"))
    preset = replace(PRESET, activation="gelu", routing="zipf:1.50")
    assert routed.sizes(preset) == {"routing": "zipf:1.50"}
    assert routed.scenario(preset, 2, "float32", "cold").key == "scale-b2-fp32-gelu.zipf1.5-cold"


def test_a_size_with_a_default_is_left_out_where_the_preset_names_none() -> None:
    def make_shared(
        take: InputFactory, tokens: int, ffn: int, shared_ffn: int | None = None
    ) -> tuple[torch.Tensor, int]:
        return take((tokens, ffn)), shared_ffn or 0

    shared = an_operation(make_inputs=make_shared, shape=("ffn", "shared_ffn"))
    assert shared.sizes(PRESET) == {"ffn": 24}
    assert shared.scenario(PRESET, 2, "float32", "cold").shape == (24,)
    assert shared.scenario(replace(PRESET, shared_ffn=8), 2, "float32", "cold").shape == (24, 8)


def test_an_operation_on_active_experts_is_named_after_its_surface() -> None:
    def make_routed(
        take: InputFactory, tokens: int, active_experts: int
    ) -> tuple[torch.Tensor, int]:
        return take((tokens, 1)), active_experts

    routed = an_operation(
        make_inputs=make_routed, active_experts=lambda preset: preset.experts - 1, surface="layer"
    )
    assert routed.sizes(PRESET) == {"active_experts": 3}
    scenario = routed.scenario(PRESET, 2, "float32", "cold")
    assert (scenario.op, scenario.active_experts) == ("layer", 3)
    assert routed.possible(PRESET, (1, 2, 3)) == (2, 3)
    assert an_operation().possible(PRESET, (1, 2, 3)) == (1, 2, 3)


@pytest.mark.parametrize(("dtype", "size"), [("float32", 4), ("bfloat16", 2), ("float16", 2)])
def test_bytes_follow_the_dtype(dtype: str, size: int) -> None:
    assert an_operation().scenario(PRESET, 1, dtype, "cold").bytes_moved == 48 * size


def test_the_points_of_one_curve_differ_in_their_keys() -> None:
    one, two = (an_operation().scenario(PRESET, tokens, "float32", "cold") for tokens in (1, 2))
    assert one.key != two.key
    assert one.curve == two.curve


@pytest.mark.parametrize("name", ["", "Scale", "2nd", "my-op", "a b", "../x", "scalé"])
def test_a_name_that_is_no_slug_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="is no name for an operation"):
        an_operation(name=name)


def make_from_width(take: InputFactory, tokens: int, width: int) -> tuple[torch.Tensor]:
    return (take((tokens, width)),)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"shape": ("ffn", "depth")}, "shape of scale names 'depth'"),
        ({"shape": ("group_size",)}, "shape of scale names 'group_size'"),
        ({"fields": ("hidden",)}, "fields of scale names 'hidden'"),
        ({"variant": ("dtype",)}, "variant of scale names 'dtype'"),
        ({"make_inputs": make_from_width}, "make_inputs of scale names 'width'"),
    ],
)
def test_an_unknown_size_is_named_beside_the_known_ones(change: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said) as caught:
        an_operation(**change)
    assert "known: " in caught.value.hint


@pytest.mark.parametrize("what", ["make_inputs", "run"])
@pytest.mark.parametrize("function", [lambda take, tokens: (), torch.relu, len])
def test_a_function_without_source_is_refused(what: str, function: object) -> None:
    with pytest.raises(BadInput, match=f"{what} of scale is no function made by def"):
        an_operation(**{what: function})


@pytest.mark.parametrize("what", ["flops", "bytes_moved"])
@pytest.mark.parametrize("number", [1.5, -1, None, True])
def test_a_count_that_is_no_whole_number_is_named(what: str, number: object) -> None:
    operation = an_operation(**{what: lambda *arguments: number})
    with pytest.raises(BadInput, match=f"{what} of scale gives {number}, and not a whole number"):
        operation.scenario(PRESET, 1, "float32", "cold")


def test_a_count_beyond_64_bits_is_refused_without_its_digits() -> None:
    operation = an_operation(flops=lambda tokens, preset: 10**5000)
    with pytest.raises(BadInput, match="flops of scale gives more than 64 bits"):
        operation.scenario(PRESET, 1, "float32", "cold")


@pytest.mark.parametrize("what", ["flops", "bytes_moved"])
def test_a_count_that_fails_is_named_with_its_reason(what: str) -> None:
    operation = an_operation(**{what: lambda tokens, *rest: tokens / 0})
    with pytest.raises(BadInput, match=rf"{what} of scale fails at 5 tokens: ZeroDivisionError"):
        operation.scenario(PRESET, 5, "float32", "cold")


def test_a_size_that_the_preset_does_not_name_is_refused() -> None:
    def make_shared(take: InputFactory, tokens: int, shared_ffn: int) -> tuple[torch.Tensor, int]:
        return take((tokens, shared_ffn)), 1

    shared = an_operation(make_inputs=make_shared, shape=("shared_ffn",))
    assert shared.scenario(replace(PRESET, shared_ffn=32), 1, "float32", "cold").shape == (32,)
    for described in (shared.sizes, lambda preset: shared.scenario(preset, 1, "float32", "cold")):
        with pytest.raises(
            BadInput, match="scale needs shared_ffn, and the preset tiny names none"
        ):
            described(PRESET)
