"""How far coefficients may part is chosen by what is left out."""

from dataclasses import replace

import numpy as np

from moeprof.costmodel.steptime.fit.physics.design import Ties
from moeprof.costmodel.steptime.fit.targets import rows_telling
from moeprof.costmodel.steptime.fit.ties import choose_ties
from moeprof.device.peaks import gpu_sheet
from moeprof.tests.costmodel.steptime.fit.physics.known_law import noisy, with_slow_vendor


def test_experts_unlike_dense_layers_are_let_go() -> None:
    law = {"dense_weights": 1.0, "expert_weights": 3.0, "kv": 1.0, "steps": 500.0}
    assert choose_ties(noisy(law, {})).columns > 0.5


def test_the_same_rows_give_the_same_choice() -> None:
    rows = noisy({"dense_weights": 1.0, "expert_weights": 1.0, "steps": 500.0}, {})
    assert choose_ties(rows) == choose_ties(rows)


def test_how_far_a_vendor_parts_is_chosen_by_its_rows() -> None:
    same, slow = choose_ties(with_slow_vendor(1.0)), choose_ties(with_slow_vendor(4.0))
    assert same.vendors < slow.vendors
    assert replace(same, vendors=1.0) == replace(slow, vendors=1.0)


def test_whether_types_of_a_vendor_are_alike_is_told_by_leaving_them_out() -> None:
    rows = with_slow_vendor(4.0)
    two = tuple(
        replace(one, gpu=gpu_sheet("MI355X" if at % 2 else "MI300X"))
        if one.gpu.vendor == "AMD"
        else one
        for at, one in enumerate(rows.deployments)
    )
    alike = replace(rows, deployments=two)
    assert choose_ties(rows).other_gpus == Ties().other_gpus
    assert choose_ties(alike).other_gpus > Ties().other_gpus


def test_how_far_decode_steps_part_from_mean_steps_is_chosen_by_their_rows() -> None:
    """Few and noisy ones of the same law stay near; those of another law part."""
    law = {"dense_weights": 1.2, "expert_weights": 1.2, "kv": 1.0, "layers": 40.0}
    rows, rng = noisy(law, {}), np.random.default_rng(0)
    other = noisy({"dense_weights": 1.2, "expert_weights": 4.0, "kv": 4.0, "layers": 5.0}, {})
    few = np.where(np.arange(len(rows)) % 4 == 0, rows.step_us, np.nan)
    same = replace(rows, decode_us=few * np.exp(0.5 * rng.standard_normal(len(rows))))
    unlike = replace(rows, decode_us=other.step_us)
    near, far = (choose_ties(rows_telling(one, "decode")).mean for one in (same, unlike))
    assert near < far
