"""Whether rows have the model, the GPU, the engine and the precision of a deployment."""

from collections.abc import Iterator
from typing import NamedTuple

from ....store.serving.step_time_model import StepFit
from ..features.deployment import Deployment
from ..physics import engine_at


class Asked(NamedTuple):
    """A kind of what is asked for: its name, and whether rows have it."""

    kind: str
    name: str
    is_known: bool


def asked_of(fit: StepFit, served: Deployment) -> Iterator[Asked]:
    """The model, the GPU, the engine and the precision of a deployment.

    An engine whose rows are all on GPUs of other vendors is not known on this one.
    """
    yield Asked("model", served.model.name, served.model.name in fit.models)
    yield Asked("GPU", served.gpu_name, served.gpu_name in fit.gpus)
    engine, vendor = served.engine, served.gpu.vendor
    if engine in fit.engines and engine not in _engines_on(fit, vendor):
        yield Asked("engine", engine_at(engine, vendor), is_known=False)
    else:
        yield Asked("engine", engine, engine in fit.engines)
    if fit.precisions:  # a file of before 2.2 names none
        yield Asked("precision", served.stored_as, served.stored_as in fit.precisions)


def _engines_on(fit: StepFit, vendor: str) -> frozenset[str]:
    """The engines that have rows on GPUs of a vendor, as far as the form tells."""
    physics = fit.physics
    if physics is None:
        return frozenset(fit.engines)
    if vendor in physics.by_vendor:
        own = (one for one in fit.engines if engine_at(one, vendor) in physics.by_vendor)
        return frozenset(own)
    return frozenset(physics.by_engine)
