"""An interval is the widest of those of what no row has."""

from dataclasses import replace

from moeprof.costmodel.steptime.intervals import energy_factors_for, factors_for
from moeprof.store.serving.kernel_fit import Blend
from moeprof.store.serving.step_time_model import EnergyScore, OwnSpread, PowerShares, StepFit
from moeprof.tests.costmodel.steptime.whole_models import served

UNSEEN = {"model": {"90": 9.0}, "GPU": {"90": 8.0}, "engine": {"90": 1.0}}
FIT = StepFit(
    method="blackbox", physics=None, srfa=None, blackbox={}, baseline={}, units={},
    only_as_sum=(), hyperparameters={}, scores={}, models=("llama-3-8b",), gpus=("H100", "H200"),
    engines=("vllm",), domain={}, factors={"50": 1.1, "90": 1.5}, spread=OwnSpread((), 0.01),
    rows=64, configurations=16, unseen_factors=UNSEEN,
)  # fmt: skip
NO_ERROR = EnergyScore(0.0, 0.0, 0.0, {"90": 1.2}, {"GPU": {"90": 3.0}, "model": {"90": 1.1}})
POWER = PowerShares({}, {"H100": {}}, 0.5, {}, NO_ERROR, NO_ERROR, rows=64)
OTHER = replace(served().model, name="another")


def test_what_no_row_had_has_the_widest_interval_of_its_kinds() -> None:
    both = served(OTHER, "L40S", engine="new")
    assert factors_for(FIT, served()) == FIT.factors
    assert factors_for(FIT, replace(served(), model=OTHER)) == {"50": 1.1, "90": 9}
    assert factors_for(FIT, served(gpu="L40S"))["90"] == 8
    assert factors_for(FIT, replace(served(), engine="new")) == FIT.factors
    assert factors_for(FIT, both)["90"] == 9


def test_a_blend_with_kernels_knows_its_model() -> None:
    blend = Blend(0.5, {}, {"90": 2.0})
    assert factors_for(FIT, replace(served(), model=OTHER), blend) == {"90": 2.0}
    assert factors_for(FIT, served(OTHER, "L40S"), blend)["90"] == 8


def test_energy_is_wider_where_no_row_tells_the_power_of_the_gpu() -> None:
    assert energy_factors_for(POWER, FIT, served()) == {"90": 1.2}
    assert energy_factors_for(POWER, FIT, served(gpu="H200")) == {"90": 3.0}
    assert energy_factors_for(POWER, FIT, replace(served(), model=OTHER)) == {"90": 1.2}
