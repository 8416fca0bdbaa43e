"""How far predictions of steps and energy may be off, by what the fit did not see."""

from collections.abc import Mapping
from typing import Final

from ...store.verdicts.step_validation import StepLimits

COVERAGE: Final = 0.86  # share of the rows that intervals of 90 % must hold
_P90_TIMES: Final = 3.0  # the 90th percentile of a limit that a user states
_WORSE_TIMES: Final = 1.25  # error on other rows over the error that the file states

STEP: Final = "step"
POWER: Final = "power"
ENERGY: Final = "energy"

# Median and 90th percentile of |predicted / measured - 1|: what a fit to public results is held
# to (docs/steptime.md, "Validating").
_LIMITS: Final[Mapping[str, Mapping[str, tuple[float, float]]]] = {
    "configuration": {STEP: (0.135, 0.36), POWER: (0.105, 0.33), ENERGY: (0.15, 0.44)},
    "time": {STEP: (0.135, 0.36), POWER: (0.105, 0.33), ENERGY: (0.15, 0.44)},
    "ngpu": {STEP: (0.135, 0.37), POWER: (0.105, 0.33), ENERGY: (0.15, 0.44)},
    "model": {STEP: (0.185, 0.45), POWER: (0.105, 0.33), ENERGY: (0.20, 0.50)},
    "engine": {STEP: (0.185, 0.45), POWER: (0.105, 0.33), ENERGY: (0.20, 0.50)},
    "gpu": {STEP: (0.15, 0.46), POWER: (0.165, 0.39), ENERGY: (0.20, 0.50)},
    "dense": {STEP: (0.23, 0.50), POWER: (0.165, 0.39), ENERGY: (0.25, 0.55)},
}
_SOURCES: Final[Mapping[str, str]] = {
    "configuration": "fits that did not see the configuration",
    "time": "fits to what was measured before",
    "ngpu": "fits that did not see the number of GPUs",
    "model": "fits that did not see the model",
    "engine": "fits that did not see the engine",
    "gpu": "fits that did not see the type of GPU",
    "dense": "fits to dense models alone",
}


def limits_left_out(left_out: str, kind: str) -> StepLimits:
    """The limits on fits that did not see what is left out; `kind` is STEP, POWER or ENERGY."""
    median, p90 = _LIMITS[left_out][kind]
    return StepLimits(median, p90, COVERAGE, _SOURCES[left_out])


def limits_of_file(median: float, p90: float) -> StepLimits:
    """The limits on a file, from the errors that it found for configurations it did not see."""
    source = f"{_WORSE_TIMES} times the errors that the file states for unseen configurations"
    return StepLimits(_WORSE_TIMES * median, _WORSE_TIMES * p90, COVERAGE, source)


def limits_stated(median: float) -> StepLimits:
    """The limits from a median error that a user states."""
    return StepLimits(median, _P90_TIMES * median, COVERAGE, "stated")
