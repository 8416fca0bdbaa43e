"""What options state of a result beside what its file states: the two must agree."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ...costmodel.steptime.features.engines import engine_name
from ...costmodel.steptime.features.precisions import precision_name
from ...costmodel.steptime.rows.values import interval_is_step
from ...device.peaks import gpu_sheet
from ...parsers.results.engines import engine_of
from ...store.errors import BadInput, shortened
from ...store.serving.serving_row import STATIC, STEP, TOLD, ServingRow
from ...store.serving.whole_model import WholeModel
from .model_notes import model_notes, stored_in

_LARGEST: Final = 1e9
_TOLERANCE: Final = 0.01  # two numbers of one quantity agree within it
# By the column of a row, the option that states what a file leaves out, and what that is.
_OPTIONS: Final = {
    "gpu": ("--gpu", "the GPU"),
    "tp": ("--tp", "how many GPUs split a layer"),
    "ep": ("--ep", "how many GPUs experts stay whole on"),
    "dp": ("--dp", "how many groups hold the whole attention"),
    "precision": ("--precision", "the precision of the weights"),
    "engine": ("--engine", "the engine"),
    "engine_version": ("--engine-version", "the engine's version"),
    "batch": ("--batch", "how many requests ran at once"),
    "isl": ("--prompt", "the mean tokens of a prompt"),
    "osl": ("--output", "the mean tokens of an output"),
}
_OF_REQUESTS: Final = frozenset({"batch", "isl", "osl"})  # a single step needs none of them
_DEFAULTS: Final = {"ep": 1, "dp": 1, "engine_version": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What the user states of all files, by the columns of a row; None is unstated.

    `model` is a config.json, or the name of a model of the folder.
    """

    model: str | None = None
    gpu: str | None = None
    tp: int | None = None
    ep: int | None = None
    dp: int | None = None
    precision: str | None = None
    engine: str | None = None
    engine_version: str | None = None
    batch: float | None = None
    isl: float | None = None
    osl: float | None = None

    def __post_init__(self) -> None:
        """Refuse sizes that no run has, and a GPU without a data sheet."""
        if self.gpu is not None:
            gpu_sheet(self.gpu)
        for column in ("batch", "isl", "osl"):
            value = getattr(self, column)
            if value is not None and not 1 <= value <= _LARGEST:
                raise BadInput(
                    f"{_OPTIONS[column][0]} is {value:g}, and must be 1 to {_LARGEST:g}",
                    hint="give the mean of the run",
                )


def completed(
    path: Path, row: ServingRow, model: str, stated: Stated, own: WholeModel | None = None
) -> ServingRow:
    """A row of the file at `path` with what the options state, and with what follows from both.

    `own` are the sizes of its model, whose file's precision counts where neither states one.

    Raises BadInput where the two contradict each other, and where neither states what a row needs.
    """
    found: dict[str, Any] = {}
    lacking = []
    assumed = _DEFAULTS | {"precision": stored_in(own)}
    for column, (option, what) in _OPTIONS.items():
        if row.batch_kind == STEP and column in _OF_REQUESTS:
            continue
        said, told = _named(column, getattr(row, column)), _named(column, getattr(stated, column))
        if said is not None and told is not None and not _agree(column, said, told):
            raise BadInput(
                f"{path} states {_shown(said)} for {what}, and {option} is {_shown(told)}",
                hint=f"leave out {option}, or name the file that it belongs to",
            )
        found[column] = next((one for one in (said, told) if one is not None), assumed.get(column))
        if found[column] is None:
            lacking.append((option, what))
    if lacking:
        raise BadInput(
            f"{path} does not state {', '.join(what for _, what in lacking)}",
            hint=f"give {' '.join(option for option, _ in lacking)}",
        )
    whole = replace(row, model=model, **found)
    _check_gpus(path, row, whole)
    whole = _derived(whole, row)
    notes = (row.note, *model_notes(whole, row.precision or stated.precision, own))
    return replace(whole, note="; ".join(filter(None, notes)))


def _check_gpus(path: Path, said: ServingRow, row: ServingRow) -> None:
    """Raise BadInput where the file states another number of GPUs than the split that is told."""
    split = (row.tp or 1) * (row.dp or 1)
    if said.tp is None and said.n_gpu is not None and said.n_gpu != split:
        raise BadInput(
            f"{path} states {said.n_gpu} GPUs, and --tp x --dp are {split}",
            hint="give the --tp and --dp that the server ran with",
        )


def _named(column: str, value: Any) -> Any:
    """The one spelling of an engine or a precision; other values as they are."""
    if value is None or column not in ("engine", "precision"):
        return value
    if column == "engine":
        return engine_of(value) or engine_name(value)
    return precision_name(value).casefold()


def _agree(column: str, said: Any, told: Any) -> bool:
    if column == "gpu":
        return gpu_sheet(said) is gpu_sheet(told)
    if isinstance(said, str):
        return said.casefold() == str(told).casefold()
    return bool(abs(said - told) <= _TOLERANCE * max(said, told))


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else shortened(str(value))


def _derived(row: ServingRow, said: ServingRow) -> ServingRow:
    """Fill in what follows from the other columns."""
    throughput, tpot_ms = row.tput_tok_s, row.tpot_ms
    if throughput is None and row.requests_per_s and row.osl:
        throughput = row.requests_per_s * row.osl
    if tpot_ms is None and row.batch_kind == STATIC and row.e2e_ms and row.osl:
        tpot_ms = row.e2e_ms / row.osl
    elif tpot_ms is None and row.batch and throughput:
        tpot_ms = 1e3 * row.batch / throughput
    return replace(
        row,
        n_gpu=row.n_gpu or (row.tp or 1) * (row.dp or 1),
        batch_kind=row.batch_kind or (None if said.batch else TOLD),
        isl_assumed=said.isl is None and row.isl is not None,
        ctx=row.ctx or (row.isl or 0) + (row.osl or 0) / 2,
        itl_is_step=interval_is_step(row.itl_ms, tpot_ms),
        tpot_ms=tpot_ms,
        tput_tok_s=throughput,
    )
