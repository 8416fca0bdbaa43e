"""Verdict on each band of batch size: a model must hold for decode as for large batches."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from ..stats.size_bands import BANDS, SizeBand
from ..store.cost_model import Domain
from ..store.verdicts.parts import BandVerdict, Cause, ErrorLimits, Finding, Outcome
from .held import Held
from .outcomes import overall
from .size_errors import SizeError, check_median, check_p95, check_quiet, check_worst

_FEWEST_INNER: Final = 2  # sizes of a band between the ends of a domain that ask for a verdict


def judge_bands(
    sizes: Sequence[SizeError], held: Held, limits: ErrorLimits
) -> tuple[BandVerdict, ...]:
    """Judge each band that holds a compared size or that the domain reaches into."""
    return tuple(_judged(sizes, held, limits))


def _judged(sizes: Sequence[SizeError], held: Held, limits: ErrorLimits) -> Iterator[BandVerdict]:
    for band in BANDS:
        inside = [size for size in sizes if size.tokens in band]
        if inside:
            yield _judge_band(band, inside, held.floor or 0.0, limits)
        elif held.domain is not None and _reaches_into(held.domain, band):
            yield _unseen(band)


def _reaches_into(domain: Domain, band: SizeBand) -> bool:
    """Whether a model predicts sizes of a band, the ends of its domain aside."""
    last = domain.last_tokens if band.last is None else band.last
    inner = min(last, domain.last_tokens - 1) - max(band.first, domain.first_tokens + 1) + 1
    return inner >= _FEWEST_INNER


def _unseen(band: SizeBand) -> BandVerdict:
    finding = Finding(Cause.UNSEEN, Outcome.AMBIGUOUS, f"none of the {band.words} was compared")
    return BandVerdict(band.first, band.last, 0, None, None, None, Outcome.AMBIGUOUS, (finding,))


def _judge_band(
    band: SizeBand, inside: Sequence[SizeError], floor: float, limits: ErrorLimits
) -> BandVerdict:
    checks = (
        check_median(inside, limits.band, floor, band.words),
        check_p95(inside, limits.p95, band.words),
        check_worst(inside, limits.worst),
        check_quiet(inside, band.words),
    )
    findings = tuple(filter(None, checks))
    worst = max(inside, key=lambda size: size.error)
    return BandVerdict(
        first=band.first,
        last=band.last,
        n=len(inside),
        median=float(np.median([size.error for size in inside])),
        worst=worst.error,
        worst_tokens=worst.tokens,
        outcome=overall([Outcome.PASS, *(finding.outcome for finding in findings)]),
        findings=findings,
    )
