"""Fit `step_time_model.json` to a folder of measured rows."""

from pathlib import Path

from ...costmodel.steptime.fit.build import Wanted, build_step_time
from ...store.document import write_document
from ...store.serving.step_time_model import Method, StepTimeFile
from .folder import files_of, read_folder


def fit_steps(
    data: Path, out: Path, wanted: Wanted | None = None, method: Method | None = None
) -> StepTimeFile:
    """Fit the rows of the folder `data` and write the model to `out`.

    `wanted` None fits whatever enough rows tell; `method` None takes the one that errs least.
    Raises BadInput as reading and fitting do, and where more than half of the rows are refused:
    then nothing is written.
    """
    rows, refused = read_folder(data)
    file = build_step_time(rows, refused, files_of(data), wanted, method)
    write_document(out, file)
    return file
