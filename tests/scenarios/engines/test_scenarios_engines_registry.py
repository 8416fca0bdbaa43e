"""Which operations of other engines can be measured here."""

import ast
import builtins
import dis
from dataclasses import replace

import pytest

from moeprof.scenarios.engines.registry import (
    ENGINES,
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
    sentences = list(left_out(LAYER))
    assert len(here) + len(sentences) == len(OPERATIONS)
    for name in OPERATIONS:
        assert (name in here) == (why_not(name, LAYER) is None)
        assert (name in here) != any(one.startswith(f"{name} is left out: ") for one in sentences)


@pytest.mark.skipif(not ABSENT, reason="every engine is installed")
def test_an_operation_whose_package_is_not_here_is_refused_with_what_is_needed() -> None:
    name = ABSENT[0]
    with pytest.raises(BadInput, match=f"{name} cannot be measured: .* needs ") as refused:
        engine_operation(name)
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
