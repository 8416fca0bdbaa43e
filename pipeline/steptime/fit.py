"""Fit `step_time_model.json` to a folder of measured rows."""

from pathlib import Path
from typing import Final

from ...costmodel.steptime.fit.build import build_step_time
from ...costmodel.steptime.rows.public_table import read_models, read_rows
from ...store.document import write_document
from ...store.recording import sha256_of
from ...store.serving.step_time_model import StepTimeFile

_ROWS: Final = "serving_rows.parquet"
_MODELS: Final = "models.csv"


def fit_steps(data: Path, out: Path) -> StepTimeFile:
    """Fit the rows of `data` (serving_rows.parquet, models.csv) and write the model to `out`.

    Raises BadInput as reading and fitting do, and where more than half of the rows are refused:
    then nothing is written.
    """
    rows, refused = read_rows(data / _ROWS, read_models(data / _MODELS))
    files = {name: sha256_of(data / name) for name in (_ROWS, _MODELS)}
    file = build_step_time(rows, refused, files)
    write_document(out, file)
    return file
