"""What options stand for on this machine, and what is reported of it before anything runs."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from moeprof.pipeline.measure import resolve as stage
from moeprof.pipeline.measure.resolve import NO_TIMES, SWITCHED_OFF, plan_warnings, resolve
from moeprof.scenarios.engines.registry import left_out
from moeprof.scenarios.preset import load_preset, to_toml
from moeprof.scenarios.run_options import RunOptions
from moeprof.store.errors import BadInput, CannotMeasure
from moeprof.store.verdicts.verdict import MIN_SIZES
from moeprof.tests.builders import plan_run
from moeprof.tests.pipeline.conftest import Listener


def test_the_presets_default_is_that_of_the_device(listener: Listener) -> None:
    planned = resolve(RunOptions(ops="relu", device="cpu", power=False), listener)
    assert planned.plan.preset == "small"
    assert planned.plan.collectors == ("cpu",)
    assert planned.plan.run_id.endswith("-small-cpu")
    assert planned.provenance.device == "cpu"
    assert planned.plan.power_reason == SWITCHED_OFF


@pytest.mark.parametrize("named_as", [str, Path])
def test_a_preset_file_is_named_by_a_string_or_a_path(
    named_as: type[str] | type[Path], listener: Listener, tmp_path: Path
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(to_toml(replace(load_preset("small"), name="mine")))
    options = RunOptions(ops="relu", device="cpu", power=False, preset_file=named_as(path))
    assert resolve(options, listener).plan.preset == "mine"


def test_operations_of_a_layer_are_planned_with_the_routing_in_their_keys(
    listener: Listener,
) -> None:
    options = RunOptions(ops="layer", device="cpu", power=False, routing="zipf:1.2")
    planned = resolve(options, listener)
    assert planned.resolved.preset.routing == "zipf:1.2"
    curves = {op_plan.op: op_plan.curve for op_plan in planned.plan.ops}
    assert curves["w13_grouped"] == "w13_grouped-512x1024-fp32-e16-k2-zipf1.2-cold"
    assert curves["moe_layer"].endswith("-topk.silu.zipf1.2-cold")


def test_engines_that_are_not_here_are_left_out_with_a_sentence_each(listener: Listener) -> None:
    preset = load_preset("small")
    planned = resolve(RunOptions(ops="engines", device="cpu", power=False), listener)
    measured = {op_plan.op for op_plan in planned.plan.ops}
    assert {"routed_experts", "routed_experts_packed"} <= measured
    assert set(left_out([preset])) <= set(listener.notices)
    assert measured.isdisjoint(sentence.split()[0] for sentence in left_out([preset]))


def test_recorded_counts_that_do_not_sum_up_are_refused_with_the_file(
    listener: Listener, tmp_path: Path
) -> None:
    path = tmp_path / "counts.json"
    path.write_text(json.dumps({"tokens": 8, "counts": [1] * 15 + [2]}))
    options = RunOptions(ops="permute", device="cpu", power=False, routing=str(path))
    with pytest.raises(BadInput, match=r"counts\.json: .* sum to 17, and 8 tokens to 2 .* make 16"):
        resolve(options, listener)
    path.write_text(json.dumps({"tokens": 8, "counts": [1] * 16}))
    preset = resolve(options, listener).resolved.preset
    assert preset.expert_loads(8) == (1,) * 16


def test_the_source_of_energy_is_reported_and_planned_with(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "check_sensors", lambda provenance: "RAPL")
    planned = resolve(RunOptions(ops="relu", device="cpu"), listener)
    assert planned.plan.power is not None
    assert listener.notices[-1] == "energy: RAPL"


def test_without_a_source_of_energy_its_reason_is_planned(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(provenance: object) -> str:
        raise CannotMeasure("there is none")

    monkeypatch.setattr(stage, "check_sensors", refuse)
    planned = resolve(RunOptions(ops="relu", device="cpu"), listener)
    assert (planned.plan.power, planned.plan.power_reason) == (None, "there is none")
    assert listener.notices[-1] == "energy: unavailable: there is none"


def test_a_run_of_counters_alone_takes_no_energy(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "choose_collectors", lambda words, device: (("ncu",), "as asked"))
    planned = resolve(RunOptions(ops="relu", device="cpu", collectors="ncu"), listener)
    assert planned.plan.power_reason == NO_TIMES


@pytest.mark.parametrize(
    "options",
    [
        {"device": "tpu"},
        {"ops": "nothing"},
        {"batch_sizes": "0"},
        {"preset": "huge"},
        {"sm_clock_mhz": 1500},
        {"routing": "zipf:-1"},
        {"routing": "no/such/file.json"},
        {"thermal_step": True, "budget_s": 300.0},
    ],
    ids=str,
)
def test_what_stands_for_nothing_here_is_refused_before_anything_is_reported(
    listener: Listener, options: dict[str, Any]
) -> None:
    with pytest.raises(BadInput):
        resolve(RunOptions(**{"device": "cpu"} | options), listener)
    assert listener.notices == []


def test_a_plan_with_too_few_held_out_sizes_is_warned_of() -> None:
    small = load_preset("small")
    assert plan_warnings(plan_run("relu", tuple(range(1, MIN_SIZES + 1)), small)) == ()
    (sentence,) = plan_warnings(plan_run("relu", tuple(range(1, MIN_SIZES)), small))
    counted = plan_run("relu", (16,), small, collectors=("ncu",), power_reason=NO_TIMES)
    assert plan_warnings(counted) == ()
    assert "relu" in sentence
