"""Fit the delays of a folder's journeys."""

from collections.abc import Sequence
from itertools import pairwise
from math import isfinite
from pathlib import Path

from ...costmodel.steptime.queue.fit import fit_queue
from ...costmodel.steptime.queue.journeys import Journeys
from ...store.errors import BadInput, naming
from ...store.files import has_file
from ...store.serving.journeys_table import JOURNEYS_FILE, read_journeys
from ...store.serving.queue_model import QueueModel
from .folder import folder_models


def queue_of(folder: Path, thresholds: Sequence[float]) -> QueueModel | None:
    """Fit the delays of the folder's `journeys.parquet`; None where it has none.

    Raises BadInput where that is no such table, and for thresholds that are no ascending shares.
    """
    rising = all(low < high for low, high in pairwise(thresholds))
    if not rising or not all(isfinite(one) and 0 <= one < 1 for one in thresholds):
        told = ", ".join(f"{one:g}" for one in thresholds)
        raise BadInput(
            f"the thresholds {told} are no ascending shares of a cache",
            hint="give shares from 0 on and below 1: --kv-thresholds 0.7,0.9",
        )
    path = folder / JOURNEYS_FILE
    if not has_file(path):
        return None
    table, models = read_journeys(path).to_pydict(), folder_models(folder)
    with naming(path):
        journeys = Journeys.of_table(table, models)
    return fit_queue(journeys, thresholds)
