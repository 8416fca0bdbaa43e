"""The law of a machine is found again; what rows lack comes from what is tied to it."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.steptime.features.steps import Steps
from moeprof.costmodel.steptime.fit.physics.design import Ties
from moeprof.costmodel.steptime.fit.physics.law import fit_physics
from moeprof.costmodel.steptime.physics import Physics
from moeprof.costmodel.steptime.rows.serving_rows import ServingRows
from moeprof.device.peaks import gpu_sheet
from moeprof.tests.costmodel.steptime.fit.physics.known_law import LAW, noisy, with_slow_vendor
from moeprof.tests.costmodel.steptime.whole_models import many_deployments, rows_of


@pytest.fixture
def rows() -> ServingRows:
    """Steps by LAW, with 3 % of noise and 5 % of outliers."""
    rows, rng = rows_of(*many_deployments(), sizes=10), np.random.default_rng(0)
    step_us = LAW.step_us(rows) * np.exp(0.03 * rng.standard_normal(len(rows)))
    far = rng.random(len(rows)) < 0.05
    return replace(rows, step_us=np.where(far, step_us * rng.uniform(3, 10, len(rows)), step_us))


def test_predictions_are_found_to_two_percent(rows: ServingRows) -> None:
    found = fit_physics(rows)
    off = np.abs(found.step_us(rows) / LAW.step_us(rows) - 1)
    assert off.mean() < 0.02
    assert found.coefficients["dense_weights"] == pytest.approx(1.2, rel=0.05)


def test_experts_are_predicted_from_dense_models(rows: ServingRows) -> None:
    dense = rows.taken(np.flatnonzero(~rows.has_experts))
    found = fit_physics(dense)
    assert found.coefficients["expert_weights"] == pytest.approx(1.2, rel=0.15)
    some = rows.taken(np.flatnonzero(rows.models == "mixtral-8x7b"))
    assert np.median(np.abs(found.step_us(some) / LAW.step_us(some) - 1)) < 0.15


def test_an_unknown_engine_has_the_pooled_overheads(rows: ServingRows) -> None:
    """Layers and steps are told apart by models alone: their sum is what is known."""
    found = fit_physics(rows)
    assert found.of_engine("new") == found.coefficients
    fast, new, slow = (
        sum(found.of_engine(engine)[name] * count for name, count in (("layers", 40), ("steps", 1)))
        for engine in ("sglang", "new", "vllm")
    )
    assert 0 < fast < new < slow


def test_terms_add_up_to_the_step(rows: ServingRows) -> None:
    terms = LAW.terms_us(rows)
    assert sum(terms.values()) == pytest.approx(LAW.step_us(rows))
    assert (terms["layers"][rows.engines == "vllm"] >= 60 * 32).all()


def test_rows_of_another_vendor_move_nothing_but_their_own() -> None:
    rows = with_slow_vendor(3.0)
    most = rows.taken(np.flatnonzero(rows.vendors == "NVIDIA"))
    alone, both = fit_physics(most), fit_physics(rows)
    assert both.coefficients == alone.coefficients
    assert both.by_engine == alone.by_engine
    assert both.step_us(most).tolist() == alone.step_us(most).tolist()


def test_another_vendor_is_slower_by_what_its_rows_tell() -> None:
    rows = with_slow_vendor(3.0)
    ratio = fit_physics(rows, Ties(vendors=2.0)).step_us(rows) / LAW.step_us(rows)
    assert np.median(ratio[rows.vendors == "AMD"]) == pytest.approx(3.0, rel=0.15)
    assert np.median(ratio[rows.vendors == "NVIDIA"]) == pytest.approx(1.0, rel=0.02)


def test_another_type_of_a_vendor_is_nearer_to_the_other_gpus() -> None:
    found = fit_physics(with_slow_vendor(3.0), Ties(vendors=2.0, other_gpus=0.1))
    known, new = (
        found.step_us(rows_of(replace(many_deployments()[0], gpu=gpu_sheet(gpu))))
        for gpu in ("MI300X", "MI325X")
    )
    law = LAW.step_us(rows_of(replace(many_deployments()[0], gpu=gpu_sheet("MI325X"))))
    assert (new < 0.8 * known).all()
    assert np.median(new / law) == pytest.approx(1.0, abs=0.25)


def test_an_engine_without_rows_on_a_vendor_keeps_its_own_overheads_there() -> None:
    by_vendor = {"AMD": {"kv": 2.0}, "MI300X": {"kv": 3.0}, "vllm on MI300X": {"layers": 50.0}}
    law = Physics({"kv": 1.0, "layers": 20.0}, {"vllm": {"layers": 40.0}}, by_vendor)
    assert law.of_engine("vllm", "AMD") == {"kv": 2.0, "layers": 40.0}
    assert law.of_engine("vllm", "AMD", "MI300X") == {"kv": 3.0, "layers": 50.0}
    assert law.of_engine("new", "NVIDIA") == {"kv": 1.0, "layers": 20.0}


def test_weights_are_not_read_faster_than_the_data_sheet_says() -> None:
    law = {"dense_weights": 0.6, "expert_weights": 0.6, "kv": 0.5, "steps": 500.0}
    found = fit_physics(noisy(law, {})).coefficients
    assert found["dense_weights"] == 1
    assert found["expert_weights"] < 1
    assert found["kv"] < 1


def test_what_decode_steps_do_not_tell_is_that_of_mean_steps(rows: ServingRows) -> None:
    """Engines and prompts, of which they have none, keep what mean steps say."""
    mean = fit_physics(rows)
    alone = Steps.decode(rows.steps.running, rows.steps.context_tokens)
    decode = replace(rows, steps=alone)
    decode = replace(decode, step_us=1.5 * LAW.step_us(decode))
    some = decode.taken(np.flatnonzero(rows.engines == "vllm"))
    found = fit_physics(some, Ties(mean=2.0), mean)
    assert found.step_us(some) == pytest.approx(some.step_us, rel=0.1)
    for name in ("prefill_dense_flops", "prefill_layers"):
        assert found.of_engine("vllm")[name] == mean.of_engine("vllm")[name]
    assert found.of_engine("sglang")["layers"] == mean.coefficients["layers"]


def test_how_far_decode_steps_part_from_mean_steps_is_a_choice(rows: ServingRows) -> None:
    """Their weights are read half again as slowly."""
    alone = Steps.decode(rows.steps.running, rows.steps.context_tokens)
    decode = replace(rows, steps=alone)
    law = replace(LAW, coefficients=LAW.coefficients | {"dense_weights": 1.8})
    slower = replace(decode, step_us=law.step_us(decode))
    near, far = (
        fit_physics(slower, Ties(mean=spread), LAW).coefficients["dense_weights"]
        for spread in (1e-3, 4.0)
    )
    assert near == pytest.approx(1.2, abs=0.1)
    assert far == pytest.approx(1.8, abs=0.1)
