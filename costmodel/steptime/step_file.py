"""Read `step_time_model.json`: its fields have their types, and every coefficient is there."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from ...store.document import MAX_LOG_RATIO, read_document
from ...store.errors import BadInput, naming
from ...store.serving.step_time_model import PowerShares, StepFit, StepTimeFile
from .blackbox import TERMS as BLACKBOX_TERMS
from .power import TERMS as POWER_TERMS
from .prediction import PARTS
from .srfa.features import COMPUTED, FIXED, MOE

_ALL: Final = frozenset(name for names in PARTS.values() for name in names)
_PHYSICS: Final = _ALL - {*FIXED, MOE, *COMPUTED, *BLACKBOX_TERMS}
_MOST_SHARE: Final = 10.0  # share of the TDP

_Found = tuple[str, Iterable[str], Iterable[str]]  # where, the names there, those that must be


def read_step_file(path: Path) -> StepTimeFile:
    """Read the model at `path`.

    Raises BadInput where it is none, has another major, lacks the coefficients of its method, or
    has some of an unknown name.
    """
    with naming(path, StepTimeFile.WAY_OUT):
        file = read_document(path, StepTimeFile)
        for target, fit in file.steps.items():
            for where, names, needed in _terms(fit):
                _check(f"steps.{target}.{where}", names, needed)
            _check_effects(f"steps.{target}.physics.effects", fit)
        if file.power is not None:
            _check_power(file.power)
    return file


def _terms(fit: StepFit) -> Iterator[_Found]:
    """The names of a fit's coefficients, beside those that its method has."""
    given = {"physics": fit.physics, "srfa": fit.srfa, "blackbox": fit.blackbox}
    yield "method", [name for name, terms in given.items() if terms is not None], [fit.method]
    yield "baseline", fit.baseline, BLACKBOX_TERMS
    yield "domain", fit.domain, _PHYSICS
    if fit.physics is not None:
        yield "physics.coefficients", fit.physics.coefficients, _PHYSICS
        parts = {"by_engine": fit.physics.by_engine, "by_vendor": fit.physics.by_vendor}
        for part, members in parts.items():
            for name, terms in members.items():
                yield f"physics.{part}.{name}", terms, _PHYSICS & set(terms)
    if fit.srfa is not None:
        yield "srfa.gamma", fit.srfa.gamma, FIXED
        yield "srfa.beta", fit.srfa.beta, COMPUTED
    if fit.blackbox is not None:
        yield "blackbox", fit.blackbox, BLACKBOX_TERMS
    if fit.method not in fit.scores:
        yield "scores", fit.scores, [fit.method]


def _check_power(power: PowerShares) -> None:
    _check("power.shares", power.shares, POWER_TERMS)
    for gpu, shares in power.by_gpu.items():
        _check(f"power.by_gpu.{gpu}", shares, POWER_TERMS)
    typical = {"all": power.typical_share, **power.typical_by_gpu}
    for gpu, share in typical.items():
        if share > _MOST_SHARE:
            raise BadInput(f"the typical share of {gpu} is {share:.3g} times the TDP")


def _check_effects(where: str, fit: StepFit) -> None:
    for level, members in ({} if fit.physics is None else fit.physics.effects).items():
        for member, log_ratio in members.items():
            if abs(log_ratio) > MAX_LOG_RATIO:
                raise BadInput(f"{where}.{level}.{member} is {log_ratio:.3g}, no log ratio")


def _check(where: str, names: Iterable[str], needed: Iterable[str]) -> None:
    if lacking := sorted(set(needed) - set(names)):
        raise BadInput(f"{where} lacks {', '.join(lacking)}")
    if unknown := sorted(set(names) - set(needed)):
        raise BadInput(f"{where} has {', '.join(unknown)}, which is unknown")
