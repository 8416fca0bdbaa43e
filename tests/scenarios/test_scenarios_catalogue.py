"""The catalogue: each operation computes what its reference does, and counts FLOPs and bytes."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import torch

from moeprof.scenarios.catalogue import CATALOGUE, LoadedOp, find_ops
from moeprof.scenarios.operation import Operation
from moeprof.scenarios.preset import Preset
from moeprof.store.errors import BadInput

TINY = Preset("tiny", "made up", 16, 24, 4, 2, "float32", 4, 8)
ODD = Preset("odd", "made up", 40, 56, 7, 3, "float32", 4, 8)

each_operation = pytest.mark.parametrize(
    "operation", CATALOGUE, ids=lambda operation: operation.name
)


def inputs_of(operation: Operation, preset: Preset, tokens: int, dtype: torch.dtype) -> list[Any]:
    """Random inputs as the isolated script makes them."""
    generator = torch.Generator().manual_seed(tokens)

    def take(shape: tuple[int, ...], wanted: torch.dtype | None = None) -> torch.Tensor:
        if wanted is None:
            return torch.randn(shape, generator=generator).to(dtype)
        bounds = torch.iinfo(wanted)
        return torch.randint(bounds.min, bounds.max, shape, dtype=wanted, generator=generator)

    return list(operation.make_inputs(take, tokens, **operation.sizes(preset)))


def tensors(values: object) -> list[torch.Tensor]:
    several = values if isinstance(values, Iterable) and not torch.is_tensor(values) else [values]
    return [value for value in several if isinstance(value, torch.Tensor)]


def widened(values: Iterable[Any]) -> list[Any]:
    return [
        value.double() if torch.is_tensor(value) and value.is_floating_point() else value
        for value in values
    ]


@pytest.mark.parametrize("tokens", [1, 3, 17])
@each_operation
def test_run_computes_what_the_reference_does_in_float64(operation: Operation, tokens: int) -> None:
    assert operation.reference is not None
    inputs = inputs_of(operation, ODD, tokens, torch.float32)
    given = tensors(operation.run(*inputs))
    exact = tensors(operation.reference(*widened(inputs)))
    assert len(given) == len(exact) > 0
    for one, other in zip(given, exact, strict=True):
        torch.testing.assert_close(one.double(), other.double(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@each_operation
def test_the_bytes_are_those_of_all_inputs_and_outputs(operation: Operation, dtype: str) -> None:
    inputs = inputs_of(operation, ODD, 5, getattr(torch, dtype))
    operands = [*tensors(inputs), *tensors(operation.run(*inputs))]
    counted = operation.scenario(ODD, 5, dtype, "cold").bytes_moved
    assert counted == sum(operand.nbytes for operand in operands)


# Worked out by hand: 3 tokens, hidden 16, ffn 24, 4 experts, 2 a token, groups of 8, float32.
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
}


def test_every_operation_is_worked_out() -> None:
    assert [operation.name for operation in CATALOGUE] == list(BY_HAND)


@each_operation
def test_the_counts_and_the_key_are_those_worked_out_by_hand(operation: Operation) -> None:
    scenario = operation.scenario(TINY, 3, "float32", "cold")
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


def test_all_is_the_catalogue() -> None:
    assert find_ops("all") == [LoadedOp(operation) for operation in CATALOGUE]


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
    assert all(operation.name in caught.value.hint for operation in CATALOGUE)


@pytest.mark.parametrize("words", ["fc1,fc1", "all,gelu"])
def test_an_operation_named_twice_is_refused(words: str) -> None:
    with pytest.raises(BadInput, match=r"names the operation (fc1|gelu) twice"):
        find_ops(words)


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
