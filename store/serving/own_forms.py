"""What known configurations take beside the fit of all rows: a field of StepFit."""

from dataclasses import dataclass
from typing import Literal

from ..document import Amount, Count, Positive
from .kernel_fit import FormError

Form = Literal["pooled", "line", "blackbox"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnForm:
    """How the steps of one configuration are predicted from its own rows.

    `form` is "pooled" where the fit of all rows predicts as well, "line" for a line of the
    logarithm of measured over predicted (costmodel/steptime/own/calibration.py), "blackbox" for us
    of a step, a prefill token and a running request; `coefficients` has the four or three of it,
    none for "pooled". `domain` has the smallest and largest value of the configuration's rows:
    running requests, tokens of context, and prefill tokens per running request. `errors` are the
    mean |log(predicted / measured)| of each form on rows of the configuration that it was not
    fitted to, without a form that the rows cannot tell; `log_error` that of the form that predicts,
    chosen without the rows and drawn to that of all configurations as by eight rows.
    """

    form: Form
    coefficients: tuple[float, ...]
    domain: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
    errors: dict[Form, Amount]
    log_error: Positive
    rows: Count

    @property
    def is_pooled(self) -> bool:
        """Whether the fit of all rows predicts: then nothing moves its steps."""
        return self.form == "pooled"


@dataclass(frozen=True, slots=True)
class OwnForms:
    """Those of configurations of enough rows, by "configuration" or "configuration | version".

    A version is there where the rows have several and its own form errs less. `log_quantiles` has
    by coverage in percent the multiple of a configuration's `log_error` within which the logarithm
    of measured over predicted lies. `errors` are those of all their rows: "pooled" by the fit of
    all rows, "own" by forms that were chosen without the rows.
    """

    by_configuration: dict[str, OwnForm]
    log_quantiles: dict[str, Positive]
    errors: dict[Literal["pooled", "own"], FormError]
