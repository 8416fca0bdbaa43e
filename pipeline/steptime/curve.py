"""Predict a model over batches and splits: energy per token against time per token."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...costmodel.steptime.curve import CurvePoint, EnergyCurve, curve_points, with_front
from ...costmodel.steptime.prediction.from_file import step_fit_of
from ...costmodel.steptime.step_file import read_step_file
from ...store.errors import BadInput
from ...store.percent import percent
from ...store.recording import sha256_of
from ...store.serving.predicted_steps import PredictedSteps
from ...store.text.counted import counted
from .asked import Asked, described_requests
from .doubts import doubts
from .predict import Predicted, predict
from .predicted_document import predicted_step

__all__ = ["CurvePoint", "EnergyCurve", "Sweep", "predicted_steps", "sweep"]


@dataclass(frozen=True, slots=True)
class Sweep:
    """What was predicted of each split that can be served, and its points as one curve.

    `left_out` says why a split cannot be served; `doubts` are sentences on what no row tells of the
    points, `facts` on what moves or bounds them.
    """

    path: Path
    predicted: tuple[tuple[Asked, Predicted], ...]
    left_out: dict[str, str]
    doubts: tuple[str, ...]
    facts: tuple[str, ...]
    curve: EnergyCurve


def sweep(path: Path, asked: Asked, tps: Sequence[int]) -> Sweep:
    """Predict by the model at `path`, over the batches that are asked for, at each of `tps`.

    A split that cannot be served is left out, and the curve has its reason as a remark. Raises
    BadInput as `predict` does where no split can be served, and for steps of one's own with several
    splits.
    """
    if asked.own is not None and len(tps) > 1:
        raise BadInput(
            f"{asked.own} has steps of one split, and {len(tps)} are asked for",
            hint="calibrate one --tp at a time",
        )
    predicted: list[tuple[Asked, Predicted]] = []
    refusals: dict[str, BadInput] = {}
    for one in (replace(asked, tp=tp) for tp in dict.fromkeys(tps)):
        try:
            predicted.append((one, predict(path, one)))
        except BadInput as refusal:
            refusals[_split(one)] = refusal
    if not predicted:
        raise next(iter(refusals.values()))
    left_out = {split: refusal.message for split, refusal in refusals.items()}
    of_splits = _of_splits(predicted, lambda found: tuple(doubts(found)))
    doubted = tuple(dict.fromkeys([*of_splits, *_unlike(predicted)]))
    facts = tuple(dict.fromkeys(_facts(predicted)))
    points = [point for one, found in predicted for point in _points(one, found)]
    curve = EnergyCurve(
        served=_served(predicted[0][1]),
        requests=described_requests(asked),
        points=with_front(points),
        remarks=(
            *(f"{split} is left out: {why}" for split, why in left_out.items()),
            *doubted,
            *facts,
        ),
        origin=_origin(path, predicted[0][1]),
    )
    return Sweep(path, tuple(predicted), left_out, doubted, facts, curve)


def _split(asked: Asked) -> str:
    """What tells a split from others: tp4, or tp4 ep8 dp2."""
    parts = {"ep": asked.ep, "dp": asked.dp}
    return " ".join(
        [f"tp{asked.tp}", *(f"{name}{gpus}" for name, gpus in parts.items() if gpus > 1)]
    )


def _points(asked: Asked, found: Predicted) -> tuple[CurvePoint, ...]:
    gpus = found.memory.served.gpus
    return curve_points(_split(asked), gpus, found.schedule.steps, found.steps)


def _served(found: Predicted) -> str:
    served = found.memory.served
    return f"{served.model.name} on {served.gpu_name}, {served.precision_name}, {served.engine}"


def _of_splits(
    predicted: Sequence[tuple[Asked, Predicted]], told: Callable[[Predicted], tuple[str, ...]]
) -> Iterator[str]:
    """What is told of each split; what is not told of all of them names the split."""
    of_all = set(told(predicted[0][1])).intersection(*(told(found) for _, found in predicted))
    for asked, found in predicted:
        for sentence in told(found):
            yield sentence if sentence in of_all else f"{_split(asked)}: {sentence}"


def _unlike(predicted: Sequence[tuple[Asked, Predicted]]) -> Iterator[str]:
    """Whether the rows of some splits move their points alone."""
    own = {
        _split(asked): found.steps.known is not None and not found.steps.known.form.is_pooled
        for asked, found in predicted
    }
    if len(set(own.values())) > 1:
        moved = ", ".join(split for split, is_own in own.items() if is_own)
        others = ", ".join(split for split, is_own in own.items() if not is_own)
        yield (
            f"steps of {moved} are by rows of its own and those of {others} by the fit of all rows:"
            " what these differ by is in the differences between splits too"
        )


def _facts(predicted: Sequence[tuple[Asked, Predicted]]) -> Iterator[str]:
    """What moves the points, and what bounds the requests that run."""
    yield from _of_splits(predicted, lambda found: found.notes)
    for asked, found in predicted:
        if (known := found.steps.known) is not None and not known.form.is_pooled:
            yield f"{_split(asked)} has {known.form.rows:,} rows of its own, which count"
        if (moves := own_moves(asked, found)) is not None:
            yield moves
        if asked.active_experts is not None:
            yield f"the experts that a routing policy activates count: {asked.active_experts}"
        if asked.kernel_model is not None:
            yield f"the measured kernels of {asked.kernel_model.name} count"
        running = zip(found.schedule.bounds, found.schedule.steps.running, strict=True)
        bounded = [(bound, requests) for bound, requests in running if bound]
        if bounded:
            bound, requests = bounded[-1]
            named = "the cache" if bound == "cache" else f"--{bound}"
            yield f"{_split(asked)} runs {requests:,.0f} requests at most, bounded by {named}"


def own_moves(asked: Asked, found: Predicted) -> str | None:
    """How far steps of one's own move these; None without any."""
    if asked.own is None or (by := found.steps.calibration) is None:
        return None
    least, most = (f"{float(end):.3g}" for end in (by.ratio.min(), by.ratio.max()))
    times = least if least == most else f"{least} to {most}"
    count = "a step" if by.points == 1 else f"{by.points:,} steps"
    return f"steps are {times} times the prediction, by {count} of one's own in {asked.own.name}"


def _origin(path: Path, found: Predicted) -> tuple[tuple[str, str], ...]:
    file = read_step_file(path)
    fit = step_fit_of(file, found.steps.target)
    score = fit.scores[fit.method]
    facts = [
        ("model of steps", path.name),
        ("its sha256", sha256_of(path)),
        ("form", fit.method),
        ("measured rows", f"{fit.rows:,} of {counted(fit.configurations, 'configuration')}"),
        ("median error of steps of unseen configurations", f"{percent(score.median, 1)} %"),
        ("90th percentile", f"{percent(score.p90, 1)} %"),
    ]
    if file.power is not None:
        error = file.power.j_per_token
        facts += [
            ("rows with power", f"{file.power.rows:,}"),
            ("median error of J/token", f"{percent(error.median, 1)} %"),
            ("its 90th percentile", f"{percent(error.p90, 1)} %"),
        ]
    return tuple(facts)


def predicted_steps(found: Sweep) -> PredictedSteps:
    """All steps of a sweep, for a program."""
    points = {(one.split, one.batch): one for one in found.curve.points}
    rows = []
    for asked, predicted in found.predicted:
        for at, running in enumerate(predicted.schedule.steps.running):
            point = points[_split(asked), round(float(running))]
            on_front = None if point.j_per_token is None else point.on_front
            rows.append(predicted_step(asked, predicted, at, on_front=on_front))
    asked, first = found.predicted[0]
    served = first.memory.served
    return PredictedSteps(
        file=str(found.path),
        file_sha256=sha256_of(found.path),
        model=served.model.name,
        gpu=served.gpu_name,
        precision=served.precision_name,
        engine=served.engine,
        ep=asked.ep,
        dp=asked.dp,
        prompt_tokens=asked.prompt_tokens,
        output_tokens=asked.output_tokens,
        left_out=found.left_out,
        remarks=(*found.doubts, *found.facts),
        steps=tuple(rows),
    )
