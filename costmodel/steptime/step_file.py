"""Read `step_time_model.json`: every coefficient is there, and each value is one that a fit gives.

A file may have been edited by hand. What no fit writes is refused by its place in the file.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import numpy as np

from ...store.document import read_document
from ...store.errors import BadInput, naming, shortened
from ...store.serving.kernel_fit import KernelFit
from ...store.serving.own_forms import OwnForm, OwnForms
from ...store.serving.step_time_model import (
    OwnSpread,
    PhysicsTerms,
    PowerShares,
    StepFit,
    StepTimeFile,
)
from .blackbox import TERMS as BLACKBOX_TERMS
from .composition.composed import TERMS as KERNEL_TERMS
from .features.deployment import BETWEEN
from .own.calibration import line_ends
from .power import TERMS as POWER_TERMS
from .prediction.parts import PARTS
from .rows.fingerprints import DIGITS
from .srfa.features import COMPUTED, FIXED, MOE

_ALL: Final = frozenset(name for names in PARTS.values() for name in names)
_PHYSICS: Final = _ALL - {*FIXED, MOE, *COMPUTED, *BLACKBOX_TERMS}
_ALWAYS: Final = ("dense_weights", "layers", "steps", "requests", "logits")  # above 0 in every step
_LINE: Final = 4  # level and slopes of the points of one configuration
_OWN_COEFFICIENTS: Final = {"pooled": 0, "line": _LINE, "blackbox": len(BLACKBOX_TERMS)}
_LEAST_OWN: Final = (1.0, 1.0, 0.0)  # requests, tokens of context, prefill per request
_MOST_COEFFICIENT: Final = 1e9  # us, or a multiple of the data sheet's time
_MOST_LOG_RATIO: Final = 5.0  # 150 times; effects of a fit are 0.7 at most
_MOST_FACTOR: Final = 1e6
_MOST_SHARE: Final = 10.0  # times the TDP
_ROUNDED: Final = 1e-6  # rounding error of a covariance, relative to its largest entry
_FINGERPRINTS: Final = re.compile(rf"([0-9a-f]{{{DIGITS}}})*")


def read_step_file(path: Path) -> StepTimeFile:
    """Read the model at `path`.

    Raises BadInput where it is none, has another major, lacks the coefficients of its method, has
    some of an unknown name, or holds a value that no fit gives.
    """
    with naming(path, StepTimeFile.WAY_OUT):
        file = read_document(path, StepTimeFile)
        if (complaint := next(_complaints(file), None)) is not None:
            raise BadInput(complaint)
    return file


def _complaints(file: StepTimeFile) -> Iterator[str]:
    """What no fit writes, each with its place."""
    yield from _twins("models", [model.name for model in file.models])
    if not _FINGERPRINTS.fullmatch(file.fingerprints):
        yield f"fingerprints must be groups of {DIGITS} hexadecimal digits"
    parts = {f"steps.{target}": _of_fit(fit) for target, fit in file.steps.items()}
    if file.power is not None:
        parts["power"] = _of_power(file.power)
    for where, complaints in parts.items():
        yield from (f"{where}.{complaint}" for complaint in complaints)


def _of_fit(fit: StepFit) -> Iterator[str]:
    given = {"physics": fit.physics, "srfa": fit.srfa, "blackbox": fit.blackbox}
    there = [name for name, terms in given.items() if terms is not None]
    yield from _names("method", there, [fit.method])
    if fit.method not in fit.scores:
        yield f"scores lacks {fit.method}"
    yield from _names("domain", fit.domain, _PHYSICS)
    for name, (least, most) in fit.domain.items():
        if least > most:
            yield f"domain.{name} is {least:.4g} to {most:.4g}, and must not fall"
    yield from _terms("baseline", fit.baseline, BLACKBOX_TERMS)
    if fit.physics is not None:
        yield from _of_physics(fit.physics)
    if fit.srfa is not None:
        yield from _terms("srfa.gamma", fit.srfa.gamma, FIXED)
        yield from _terms("srfa.beta", fit.srfa.beta, COMPUTED)
        yield from _within("srfa", {"moe_scalar": fit.srfa.moe_scalar}, _MOST_COEFFICIENT)
    if fit.blackbox is not None:
        yield from _terms("blackbox", fit.blackbox, BLACKBOX_TERMS)
        yield from _nothing("blackbox", fit.blackbox, BLACKBOX_TERMS)
    for part in ("models", "gpus", "engines", "precisions"):
        yield from _twins(part, getattr(fit, part))
    yield from _factors("factors", fit.factors)
    yield from _all_factors("unseen_factors", fit.unseen_factors)
    yield from _of_spread(fit.spread)
    if fit.kernels is not None:
        yield from _of_kernels(fit.kernels)
    if fit.own is not None:
        yield from _of_own(fit.own, fit.models)


def _of_physics(physics: PhysicsTerms) -> Iterator[str]:
    yield from _terms("physics.coefficients", physics.coefficients, _PHYSICS)
    yield from _nothing("physics.coefficients", physics.coefficients, _ALWAYS)
    parts = {"by_engine": physics.by_engine, "by_vendor": physics.by_vendor}
    for part, members in parts.items():
        for name, terms in members.items():
            where = f"physics.{part}.{name}"
            yield from _terms(where, terms, _PHYSICS & set(terms))
            yield from _nothing(where, physics.coefficients | terms, _ALWAYS)
    yield from _effects("physics.effects", physics.effects)


def _of_spread(spread: OwnSpread) -> Iterator[str]:
    """A covariance is that of a line: square, symmetric, and of no negative variance."""
    rows = spread.covariance
    if [len(row) for row in rows] != [_LINE] * _LINE:
        yield f"spread.covariance must have {_LINE} rows of {_LINE} numbers"
        return
    covariance = np.asarray(rows)
    rounded = _ROUNDED * np.abs(covariance).max()
    if np.abs(covariance - covariance.T).max() > rounded:
        yield "spread.covariance is not symmetric"
    elif np.linalg.eigvalsh(covariance).min() < -rounded:
        yield "spread.covariance has a negative variance"
    variances = {f"covariance.{at}": float(covariance[at, at]) for at in range(_LINE)}
    yield from _within("spread", {"noise": spread.noise, **variances}, _MOST_LOG_RATIO**2)


def _of_kernels(kernels: KernelFit) -> Iterator[str]:
    yield from _terms("kernels.coefficients", kernels.coefficients, KERNEL_TERMS)
    for name, blend in {"known": kernels.known, "unseen": kernels.unseen}.items():
        yield from _factors(f"kernels.{name}.factors", blend.factors)


def _of_own(own: OwnForms, models: Iterable[str]) -> Iterator[str]:
    yield from _ascending("own.log_quantiles", own.log_quantiles)
    if not own.log_quantiles:
        yield "own.log_quantiles is empty"
    widest = max(own.log_quantiles.values(), default=0.0)
    for name, form in own.by_configuration.items():
        where = f"own.by_configuration.{shortened(name)}"
        if name.split(BETWEEN)[0] not in models:
            yield f"{where} is of a model that has no rows"
        if not form.rows:
            yield f"{where}.rows is 0"
        if form.log_error * widest > np.log(_MOST_FACTOR):
            yield f"{where} has an interval beyond {_MOST_FACTOR:g} times its steps"
        yield from (f"{where}.{complaint}" for complaint in _of_own_form(form))


def _of_own_form(form: OwnForm) -> Iterator[str]:
    domain = form.domain
    if any(least > most for least, most in domain):
        yield "domain must not fall"
        return
    if any(first[0] < least for first, least in zip(domain, _LEAST_OWN, strict=True)):
        yield "domain must begin at 1 request, 1 token of context and 0 tokens of prompts or above"
        return
    if len(form.coefficients) != _OWN_COEFFICIENTS[form.form]:
        yield f"coefficients must have {_OWN_COEFFICIENTS[form.form]} for {form.form}"
        return
    numbered = {str(at): value for at, value in enumerate(form.coefficients)}
    if form.form == "line":
        yield from _within("coefficients", numbered, _MOST_LOG_RATIO)
        ends = line_ends(form.coefficients, domain)
        yield from _within("line", dict(zip(("least", "most"), ends, strict=True)), _MOST_LOG_RATIO)
    elif form.form == "blackbox":
        yield from _within("coefficients", numbered, _MOST_COEFFICIENT)
        if min(form.coefficients) < 0 or not any(form.coefficients):
            yield "coefficients of a blackbox must be 0 us or more, and one above 0"
    yield from _within("", {"log_error": form.log_error}, _MOST_LOG_RATIO)


def _of_power(power: PowerShares) -> Iterator[str]:
    shares = {"shares": power.shares}
    shares |= {f"by_gpu.{gpu}": one for gpu, one in power.by_gpu.items()}
    for where, one in shares.items():
        yield from _names(where, one, POWER_TERMS)
        yield from _within(where, one, _MOST_SHARE)
    yield from _within("typical_by_gpu", power.typical_by_gpu, _MOST_SHARE)
    yield from _within("typical_share", {"": power.typical_share}, _MOST_SHARE)
    yield from _effects("effects", power.effects)
    scores = {"at_measured_step": power.at_measured_step, "j_per_token": power.j_per_token}
    for where, score in scores.items():
        yield from _factors(f"{where}.factors", score.factors)
        yield from _all_factors(f"{where}.unseen_factors", score.unseen_factors)


def _terms(where: str, terms: Mapping[str, float], needed: Iterable[str]) -> Iterator[str]:
    """Coefficients by name: those that are needed, and no others."""
    yield from _names(where, terms, needed)
    yield from _within(where, terms, _MOST_COEFFICIENT)


def _nothing(where: str, terms: Mapping[str, float], always: Iterable[str]) -> Iterator[str]:
    if not any(terms.get(name, 0.0) > 0 for name in always):
        yield f"{where} makes steps of 0 us: one of {', '.join(always)} must be above 0"


def _effects(where: str, effects: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    for level, members in effects.items():
        yield from _within(f"{where}.{level}", members, _MOST_LOG_RATIO)


def _all_factors(where: str, factors: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    for kind, one in factors.items():
        yield from _factors(f"{where}.{kind}", one)


def _factors(where: str, factors: Mapping[str, float]) -> Iterator[str]:
    """By coverage in percent, what a value is at most off by: more for more coverage."""
    yield from _within(where, factors, _MOST_FACTOR)
    yield from (f"{where}.{at} is {one:.4g}, below 1" for at, one in factors.items() if one < 1)
    yield from _ascending(where, factors)


def _ascending(where: str, by_coverage: Mapping[str, float]) -> Iterator[str]:
    if not all(at.isascii() and at.isdigit() and 0 < int(at) < 100 for at in by_coverage):
        yield f"{where} must be named by percents"
        return
    values = [by_coverage[at] for at in sorted(by_coverage, key=int)]
    if values != sorted(values):
        yield f"{where} must not fall with the coverage"


def _within(where: str, values: Mapping[str, float], most: float) -> Iterator[str]:
    for name, value in values.items():
        if abs(value) > most:
            yield f"{where}.{name}".strip(".") + f" is {value:.4g}, beyond {most:.4g}"


def _names(where: str, names: Iterable[str], needed: Iterable[str]) -> Iterator[str]:
    if lacking := sorted(set(needed) - set(names)):
        yield f"{where} lacks {', '.join(lacking)}"
    if unknown := sorted(set(names) - set(needed)):
        yield f"{where} has {shortened(', '.join(unknown))}, which is unknown"


def _twins(where: str, names: Iterable[str]) -> Iterator[str]:
    twice = [name for name, count in Counter(names).items() if count > 1]
    yield from (f"{where} has {shortened(name)} twice" for name in twice)
