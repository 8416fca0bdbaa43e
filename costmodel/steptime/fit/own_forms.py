"""Fit each configuration of enough rows by its own: a line, a blackbox, or neither.

Folds leave out rows within configurations; those of the same requests, context and prompts stay
together. A form with more of its own is taken only where the mean |log error| of left-out rows is
smaller by more than its standard error (Breiman et al. 1984, Classification and Regression Trees,
section 3.4.3), and a blackbox only where the rows tell its coefficients apart: it is asked for
other ratios of prompts to requests than theirs.

A line turns no step that grows with its requests, context or prompts into one that falls: its
slopes are bounded by how much the step of the fit of all rows grows (own/slopes.py).
"""

from dataclasses import dataclass, replace
from typing import Final, get_args

import numpy as np

from ....store.serving.kernel_fit import FormError
from ....store.serving.own_forms import Form, OwnForm, OwnForms
from ..blackbox import TERMS
from ..digits import rounded
from ..effects import joined
from ..features.steps import Array
from ..own.calibration import Spread, clipped, lines_of
from ..own.conditions import Conditions
from ..own.factors import log_errors_drawn, log_quantiles
from ..own.forms import Predict, form_log_ratio, own_name
from ..own.slopes import bounded_line, least_slopes
from ..rows.serving_rows import Places, ServingRows, Strings
from .blackbox import fit_coefficients, tell_coefficients
from .folds import Fit, Labels

_FORMS: Final[tuple[Form, ...]] = get_args(Form)
_FEWEST: Final = 8  # rows
_FOLDS: Final = 5


@dataclass(frozen=True, slots=True)
class _Group:
    """Rows at `places` that have forms of their own, under `name`; of one version or of all."""

    name: str
    places: Places
    is_version: bool


@dataclass(frozen=True, slots=True)
class _Told:
    """Which of the forms predicts a group, and the logarithms of its errors on left-out rows, (m,).

    `errors` (3, m) are those of every form; NaN for one that the rows cannot tell.
    """

    group: _Group
    form: Form
    log_errors: Array
    errors: Array


def fit_own_forms(rows: ServingRows, fit: Fit, seed: int) -> OwnForms | None:
    """Choose and fit the form of each configuration; None where no one has eight rows.

    `fit` makes what predicts steps from all rows.
    """
    groups = _groups(rows)
    if not groups:
        return None
    labels = _folds(rows, groups, seed)
    whole_us = fit(rows)
    least = least_slopes(rows, {group.name: group.places for group in groups}, whole_us)
    errors = _left_out(rows, groups, labels, fit, least)
    told: list[_Told] = []
    whole = np.full(len(rows), np.nan)
    for group in groups:
        own = errors[group.name]
        if not tell_coefficients(rows.taken(group.places)):
            own[_FORMS.index("blackbox")] = np.nan
        if group.is_version:
            # A version has forms of its own only where they beat those of its configuration.
            own[0] = whole[group.places]
        one = _chosen(group, own, labels[group.places])
        if not group.is_version or one.form != "pooled":
            told.append(one)
            whole[group.places] = one.log_errors
    return _forms(rows, whole_us, told, whole, least)


def _groups(rows: ServingRows) -> list[_Group]:
    """Configurations of enough rows, then their versions, if there are several."""
    configurations, found, versions = rows.configurations, [], []
    for name in np.unique(configurations):
        at = np.flatnonzero(configurations == name)
        if len(at) < _FEWEST:
            continue
        found.append(_Group(str(name), at, is_version=False))
        seen = np.unique(rows.version[at])
        for version in seen[seen != ""] if len(seen) > 1 else ():
            own = at[rows.version[at] == version]
            if len(own) >= _FEWEST:
                versions.append(_Group(own_name(str(name), str(version)), own, is_version=True))
    return [*found, *versions]


def _folds(rows: ServingRows, groups: list[_Group], seed: int) -> Labels:
    """A fold for each row of a configuration, -1 for others; (n,)."""
    labels, rng = np.full(len(rows), -1), np.random.default_rng(seed)
    alike = joined(*(np.char.mod("%.3g", values) for values in Conditions.of(rows.steps)))
    for group in groups:
        if not group.is_version:
            names, place = np.unique(alike[group.places], return_inverse=True)
            dealt = (rng.permutation(len(names)) + rng.integers(_FOLDS)) % _FOLDS
            labels[group.places] = dealt[place]
    return labels


def _left_out(
    rows: ServingRows, groups: list[_Group], labels: Labels, fit: Fit, least: dict[str, Array]
) -> dict[str, Array]:
    """By group, the log error of each form that was fitted without the row: (3, m)."""
    found = {group.name: np.full((len(_FORMS), len(group.places)), np.nan) for group in groups}
    plain = _plain(rows)
    for label in range(_FOLDS):
        pooled_us = fit(rows.taken(np.flatnonzero(labels != label)))
        log_us, plain_us = np.log(pooled_us(rows)), pooled_us(plain)
        spread = _spread(rows, plain_us, labels != label)
        for group in groups:
            asked = labels[group.places] == label
            own, at = group.places[~asked], group.places[asked]
            if not len(at):
                continue
            measured = np.log(rows.step_us[at])
            found[group.name][0, asked] = log_us[at] - measured
            if not len(own):
                found[group.name][1:, asked] = log_us[at] - measured
                continue
            for row, name in enumerate(_FORMS[1:], start=1):
                form = _fitted(name, rows.taken(own), plain_us[own], spread, least[group.name])
                ratio = form_log_ratio(form, plain.taken(at), pooled_us)
                found[group.name][row, asked] = np.log(plain_us[at]) + ratio - measured
    return found


def _chosen(group: _Group, errors: Array, labels: Labels) -> _Told:
    """The form that predicts; its errors are those of the form chosen without the row's fold."""
    log_errors = np.zeros(errors.shape[1])
    for label in np.unique(labels):
        at = labels == label
        log_errors[at] = errors[_best(errors[:, ~at]), at]
    return _Told(group, _FORMS[_best(errors)], log_errors, errors)


def _best(errors: Array) -> int:
    """The first form that no later one beats by more than a standard error; errors (3, m)."""
    best, count = 0, errors.shape[1]
    for at in range(1, len(errors)):
        less = np.abs(errors[best]) - np.abs(errors[at])
        if count > 1 and less.mean() > less.std(ddof=1) / np.sqrt(count):
            best = at
    return best


def _forms(
    rows: ServingRows,
    pooled_us: Predict,
    told: list[_Told],
    whole: Array,
    least: dict[str, Array],
) -> OwnForms:
    plain_us = pooled_us(_plain(rows))
    spread = _spread(rows, plain_us, np.isfinite(whole))
    drawn = log_errors_drawn({one.group.name: one.log_errors for one in told}, whole)
    by_name = {}
    for one in told:
        at = one.group.places
        form = _fitted(one.form, rows.taken(at), plain_us[at], spread, least[one.group.name])
        by_name[one.group.name] = replace(
            form,
            errors={
                name: rounded(float(np.abs(values).mean()), 4)
                for name, values in zip(_FORMS, one.errors, strict=True)
                if np.isfinite(values).all()
            },
            log_error=_short(drawn[one.group.name]),
        )
    pooled = np.concatenate([one.errors[0] for one in told if not one.group.is_version])
    return OwnForms(
        by_configuration=by_name,
        log_quantiles=log_quantiles({one.group.name: one.log_errors for one in told}, whole),
        errors={"pooled": _error(pooled), "own": _error(whole[np.isfinite(whole)])},
    )


def _fitted(
    name: Form, rows: ServingRows, plain_us: Array, spread: Spread, least: Array
) -> OwnForm:
    """A form fitted to rows of one configuration, its errors unknown; `least` slopes of a line."""
    coefficients: tuple[float, ...] = ()
    if name == "line":
        ratios = clipped(np.log(rows.step_us / plain_us))
        line = bounded_line(spread, lines_of(rows.steps), ratios, least)
        coefficients = tuple(map(_short, map(float, line)))
    elif name == "blackbox":
        found = fit_coefficients(rows).coefficients
        coefficients = tuple(_short(found[term]) for term in TERMS)
    running, context, prefill = (
        (_short(least), _short(most)) for least, most in Conditions.of(rows.steps).ranges()
    )
    return OwnForm(
        form=name,
        coefficients=coefficients,
        domain=(running, context, prefill),
        errors={},
        log_error=1.0,
        rows=len(rows),
    )


def _plain(rows: ServingRows) -> ServingRows:
    """The rows with engines of no known version."""
    return replace(rows, version=np.full(len(rows), ""))


def _spread(rows: ServingRows, plain_us: Array, known: Labels) -> Spread:
    """How configurations differ from a fit that saw them, from the rows where `known` is true."""
    at = np.flatnonzero(known)
    some: Strings = rows.configurations[at]
    return Spread.fitted(rows.steps.taken(at), np.log(rows.step_us[at] / plain_us[at]), some)


def _error(log_errors: Array) -> FormError:
    off = np.abs(np.expm1(log_errors))
    return FormError(*(_short(float(np.quantile(off, at))) for at in (0.5, 0.9)))


def _short(value: float) -> float:
    return rounded(value, 6)
