"""What a model's own file says of a row that was measured with it."""

from dataclasses import asdict

from ...costmodel.steptime.features.precisions import (
    PRECISIONS,
    precision_name,
    stored_precision,
)
from ...costmodel.steptime.rows.stated import request_over_length
from ...store.serving.serving_row import ServingRow
from ...store.serving.whole_model import WholeModel


def stored_in(model: WholeModel | None) -> str | None:
    """The precision of the weights by the model's own file; None where it says none that counts."""
    stored = None if model is None else stored_precision(model)
    return stored if stored in PRECISIONS else None


def model_notes(row: ServingRow, said: str | None, model: WholeModel | None) -> list[str]:
    """What the model's own file decides of a row, or contradicts.

    `said` is the precision that its result or the user states, None where neither does.
    """
    notes = []
    stored = stored_in(model)
    if stored is not None and said is None:
        notes.append(f"weights in {stored}, as the model's own file says")
    elif stored is not None and said is not None and precision_name(said) != stored:
        notes.append(f"the model's own file says that its weights are in {stored}: {said} counts")
    if model is not None and request_over_length(asdict(row), model) > 1:
        notes.append("its requests are longer than the model takes by its own file")
    return notes
