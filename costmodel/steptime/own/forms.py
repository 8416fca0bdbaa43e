"""What a configuration that has rows takes beside the fit of all rows, as a ratio to its step.

The ratio is to the step of an engine of no known version: that of the configuration's versions is
in it. Beyond the range of the configuration's rows it stays what it is at the end of the range.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from ....store.document import MAX_LOG_RATIO
from ....store.serving.own_forms import OwnForm
from ....store.serving.step_time_model import StepTimeFile, Target
from ..blackbox import TERMS, Blackbox
from ..features.steps import Array, Steps
from ..rows.serving_rows import Places, ServingRows
from .calibration import lines_of
from .conditions import Conditions, clipped_steps

Predict = Callable[[ServingRows], Array]
_LEAST_US: Final = 1e-3


def own_name(configuration: str, version: str) -> str:
    """The name of a configuration's own form for one version of the engine."""
    return f"{configuration} | {version}"


@dataclass(frozen=True, slots=True)
class Known:
    """The form of a configuration that has rows of its own, and which steps are in their range.

    `inside` are bools of shape (n,): such steps have the interval of these rows.
    """

    form: OwnForm
    inside: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class KnownForms:
    """Own forms by their name (store/serving/own_forms.py)."""

    by_name: Mapping[str, OwnForm]

    def of(self, configuration: str, version: str) -> OwnForm | None:
        """That of a configuration, and of the version where it has its own; None if it has none."""
        by_name = self.by_name
        return by_name.get(own_name(configuration, version)) or by_name.get(configuration)

    def without_prompts(self) -> Self:
        """The same forms, but that their ratio is that of a step without prompts, or with fewest.

        So it is the same whatever prompts a single step holds.
        """
        return type(self)({name: _without_prompts(form) for name, form in self.by_name.items()})

    def members(self, rows: ServingRows) -> list[tuple[OwnForm, Places]]:
        """The forms that rows have, and the places of the rows."""
        found = []
        for place in np.unique(rows.which):
            configuration = rows.deployments[place].configuration
            at = np.flatnonzero(rows.which == place)
            versions = rows.version[at]
            for version in np.unique(versions):
                if form := self.of(configuration, str(version)):
                    found.append((form, at[versions == version]))
        return found

    def told(self, rows: ServingRows) -> Known | None:
        """What is known of the one configuration of `rows`, which are of one version."""
        form = self.of(rows.deployments[0].configuration, str(rows.version[0]))
        if form is None:
            return None
        return Known(form, Conditions.of(rows.steps).inside(form.domain))

    def log_ratio(self, rows: ServingRows, pooled_us: Predict) -> Array:
        """What to add to the logarithm of the step that `pooled_us` gives; of shape (n,)."""
        total = np.zeros(len(rows))
        for form, at in self.members(rows):
            if form.is_pooled:
                continue
            some = rows.taken(at)
            plain = replace(some, version=np.full(len(at), ""))
            of_version = np.log(pooled_us(plain) / pooled_us(some))
            total[at] = of_version + form_log_ratio(form, plain, pooled_us)
        return total


def known_forms(file: StepTimeFile, target: Target) -> KnownForms | None:
    """Own forms of a kind of step; of one that decodes alone those of mean steps, too.

    A configuration that takes less than other mean steps takes so in its decode steps.
    """
    kinds: tuple[Target, ...] = ("mean", "decode") if target == "decode" else ("mean",)
    found: dict[str, OwnForm] = {}
    for kind in kinds:
        if kind in file.steps and (own := file.steps[kind].own) is not None:
            forms = KnownForms(own.by_configuration)
            found |= (forms if kind == target else forms.without_prompts()).by_name
    return KnownForms(found) if found else None


def form_log_ratio(form: OwnForm, rows: ServingRows, pooled_us: Predict) -> Array:
    """Log of a form's step over that of `pooled_us`, for rows of one configuration; (n,)."""
    near = replace(rows, steps=clipped_steps(rows.steps, form.domain))
    if form.form == "line":
        found = lines_of(near.steps) @ np.asarray(form.coefficients)
    else:
        near = replace(near, steps=_with_prompts_where_asked(near.steps, rows.steps))
        own = Blackbox(dict(zip(TERMS, form.coefficients, strict=True)))
        own_us = np.sum(list(own.terms_us(near).values()), axis=0)
        found = np.log(np.maximum(own_us, _LEAST_US) / pooled_us(near))
    return np.asarray(np.clip(found, -MAX_LOG_RATIO, MAX_LOG_RATIO))


def _with_prompts_where_asked(steps: Steps, asked: Steps) -> Steps:
    """A blackbox tells a step without prompts too, also beyond the range of its rows."""
    return replace(
        steps, prefill_tokens=np.where(asked.prefill_tokens > 0, steps.prefill_tokens, 0)
    )


def _without_prompts(form: OwnForm) -> OwnForm:
    running, context, (fewest, _) = form.domain
    fewest = fewest if form.form == "line" else 0.0
    return replace(form, domain=(running, context, (fewest, fewest)))
