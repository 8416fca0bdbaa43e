"""Delays of requests on the terminal, and the words of the options that they take."""

from typing import TYPE_CHECKING, Final

from ...store.errors import BadInput, shortened
from ...store.text.counted import counted
from .. import render

if TYPE_CHECKING:
    from ...store.serving.queue_model import DelayFit, QueueModel

_TITLES: Final = {
    "arrival": "arrival to queued",
    "wait": "queued to scheduled",
    "token": "token to token",
    "delivery": "token to response",
}
_ABOVE: Final = "kv_above_"
_PER: Final = {
    "requests": "request",
    "prompt_tokens": "token of the prompt",
    "waiting": "waiting request",
    "recent_preemptions": "recent preemption",
    "tokens": "token",
    "kv_read": "us of reading the context",
    "running": "running request",
}


def shares(words: str) -> tuple[float, ...]:
    """Numbers parted by commas; none for an empty text. Raises BadInput for anything else."""
    try:
        return tuple(float(word) for word in words.split(",") if word.strip())
    except ValueError:
        raise BadInput(
            f"--kv-thresholds is {shortened(words)!r}", hint="write shares: --kv-thresholds 0.7,0.9"
        ) from None


def show_delays(queue: "QueueModel") -> None:
    """Show each delay's coefficients and its error on requests that no fit saw."""
    fits = {name: fit for name in _TITLES if (fit := getattr(queue, name)) is not None}
    if fits:
        render.table(
            f"Error of delays of requests that no fit saw; {queue.requests} requests of"
            f" {counted(queue.runs, 'run')}",
            ["delay", "#requests", "#median %", "#p90 %", "#of a constant %"],
            [[_TITLES[name], str(fit.rows), *_errors(fit)] for name, fit in fits.items()],
        )
        terms = [(_TITLES[name], *term) for name, fit in fits.items() for term in _terms(fit)]
        render.table("Delays add up of", ["delay", "per", "#us"], [list(term) for term in terms])
    for name, fit in fits.items():
        if fit.score is not None and fit.score.median >= fit.score.constant:
            render.warn(f"{_TITLES[name]}: the median of all requests errs no more")
    for name, why in queue.missing.items():
        render.warn(f"no fit of the time from {_TITLES[name]}: {why}")


def _errors(fit: "DelayFit") -> list[str]:
    if (score := fit.score) is None:
        return ["-"] * 3
    return [f"{100 * one:.1f}" for one in (score.median, score.p90, score.constant)]


def _terms(fit: "DelayFit") -> list[tuple[str, str]]:
    known = [(_per(name), render.number(us, 3)) for name, us in fit.coefficients.items()]
    return known + [(_per(name), "unknown") for name in fit.unknown]


def _per(name: str) -> str:
    """What a coefficient counts, in words."""
    if name.startswith(_ABOVE):
        return f"share of the cache above {name.removeprefix(_ABOVE)}"
    return _PER.get(name, name)
