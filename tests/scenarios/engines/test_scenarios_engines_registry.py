"""Which operations of other engines can be measured here."""

import ast
import builtins
import dis
from dataclasses import replace

import pytest

from moeprof.scenarios.engines.registry import (
    ENGINES,
    NO_ABSENCES,
    OPERATIONS,
    engine_operation,
    left_out,
    operations_here,
    why_not,
)
from moeprof.store.errors import BadInput
from moeprof.tests.scenarios.engines.stand_ins import LAYER

ABSENT = [name for name, engine in ENGINES.items() if engine.absence() is not None]


def test_each_operation_is_measured_or_left_out_with_a_reason() -> None:
    here = [one.name for one in operations_here(LAYER)]
    sentences = list(left_out([LAYER]))
    assert len(here) + len(sentences) == len(OPERATIONS)
    for name in OPERATIONS:
        assert (name in here) == (why_not(name, LAYER) is None)
        assert (name in here) != any(one.startswith(f"{name} is left out: ") for one in sentences)


@pytest.mark.skipif(not ABSENT, reason="every engine is installed")
def test_an_operation_whose_package_is_not_here_is_refused_with_what_is_needed() -> None:
    name = ABSENT[0]
    with pytest.raises(BadInput, match=f"{name} cannot be measured: .* needs ") as refused:
        engine_operation(name, NO_ABSENCES)
    assert refused.value.hint is not None
    assert refused.value.hint.startswith(ENGINES[name].way_out())


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_script_has_all_that_an_operation_calls(name: str) -> None:
    operation = OPERATIONS[name]
    imported = {
        alias.name
        for line in operation.imports
        for node in ast.parse(line).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    for function in (operation.make_inputs, operation.run):
        called = {
            one.argval for one in dis.get_instructions(function) if one.opname == "LOAD_GLOBAL"
        }
        assert called <= {"torch", *vars(builtins), *imported}


def test_operations_on_packed_weights_need_some() -> None:
    unpacked = replace(LAYER, weight_bits=16)
    reason = why_not("vllm_fused_experts_packed", unpacked)
    assert reason == "it is for packed weights, and those of odd are not"


def test_what_a_run_knows_to_be_absent_is_left_out_and_refused() -> None:
    absent = {"torch_grouped_mm": "the device is odd"}
    assert "torch_grouped_mm" in [one.name for one in operations_here(LAYER)]
    assert "torch_grouped_mm" not in [one.name for one in operations_here(LAYER, absent)]
    assert "torch_grouped_mm is left out: the device is odd" in left_out([LAYER], absent)
    with pytest.raises(BadInput, match="torch_grouped_mm cannot be measured: the device is odd"):
        engine_operation("torch_grouped_mm", absent)


def test_an_operation_is_named_once_for_several_layers() -> None:
    layers = [replace(LAYER, weight_bits=16), LAYER, replace(LAYER, name="gelu", activation="gelu")]
    sentences = list(left_out(layers, {"torch_grouped_mm": "it is absent"}))
    names = [one.partition(" ")[0] for one in sentences]
    assert len(names) == len(set(names))
    assert "torch_grouped_mm is left out: it is absent" in sentences
    assert not any("packed weights, and those" in one for one in sentences)


def test_an_operation_that_is_measured_for_some_layers_is_left_out_for_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = "transformers_grouped_mm"
    here = replace(ENGINES[name], version=lambda _: "5.1.0")
    monkeypatch.setitem(ENGINES, name, here)
    other = replace(LAYER, name="other", activation="clipped")
    (sentence,) = (one for one in left_out([LAYER, other]) if one.startswith(name))
    assert sentence.startswith(f"{name} is left out for other: transformers computes the")
