"""The coefficients of a fitted model as fields of `step_time_model.json`, with their units."""

from typing import Any, Final

from ....store.serving.step_time_model import PhysicsTerms, SrfaTerms
from ..blackbox import Blackbox
from ..digits import rounded, rounded_terms
from ..effects import Effects
from ..physics import Physics
from ..srfa.features import MOE
from ..srfa.form import Srfa
from ..step_model import StepModel

_US: Final = "us"
_RATIO: Final = "1"  # unit of the coefficient of a column in us
_COUNTED: Final = frozenset(
    (
        "layers", "requests", "steps", "prefill_layers", "moe_layers", "fp8_moe_layers",
        "latent_layers", "sparse_layers", "linear_layers",
        "all_reduce_rounds", "all_to_all_rounds",
    )
)  # fmt: skip
_TIMES: Final = frozenset({MOE, "prefill_time", "decode_time", "kv_time", "weights_time"})
_PHYSICS_SUMS: Final = (("layers", "requests", "steps"), ("prefill_weights", "prefill_layers"))
_SRFA_SUMS: Final = (("fixed", "base", "computed"),)


def coefficients_of(model: StepModel) -> dict[str, Any]:
    """The fields of StepFit that hold a model's coefficients; those of other methods are None."""
    none = {"physics": None, "srfa": None, "blackbox": None}
    match model.form:
        case Physics() as form:
            units = {name: _US if name in _COUNTED else _RATIO for name in form.coefficients}
            terms = _physics(form, model.effects)
            return none | {"physics": terms, "units": units, "only_as_sum": _PHYSICS_SUMS}
        case Srfa() as form:
            names = (*form.gamma, MOE, *form.beta)
            units = {name: _RATIO if name in _TIMES else _US for name in names}
            scalar = rounded(form.moe_scalar)
            srfa = SrfaTerms(rounded_terms(form.gamma), scalar, rounded_terms(form.beta))
            return none | {"srfa": srfa, "units": units, "only_as_sum": _SRFA_SUMS}
        case Blackbox(found):
            return none | {
                "blackbox": rounded_terms(found),
                "units": dict.fromkeys(found, _US),
                "only_as_sum": (),
            }


def _physics(form: Physics, effects: Effects | None) -> PhysicsTerms:
    by_level = {} if effects is None else effects.by_level
    return PhysicsTerms(
        coefficients=rounded_terms(form.coefficients),
        by_engine={name: rounded_terms(terms) for name, terms in form.by_engine.items()},
        effects={name: rounded_terms(level) for name, level in by_level.items()},
        by_vendor={name: rounded_terms(terms) for name, terms in form.by_vendor.items()},
    )
