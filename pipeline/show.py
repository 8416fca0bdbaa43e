"""What a model holds: its curves, their errors, and where it comes from."""

from dataclasses import dataclass
from pathlib import Path

from ..costmodel.freshness import stale_sentence
from ..costmodel.layer.choice import described
from ..costmodel.layer.cost import LayerCost
from ..costmodel.layer.over_sizes import over_sizes
from ..costmodel.model import KernelCostModel
from ..costmodel.thermal.description import thermal_description
from ..store.cost_model import CostModelFile, CurveModel
from ..store.errors import path_argument
from ..store.fitted_runs import LayerSizes
from ..store.run import model_file
from .cost import load

__all__ = [
    "CostModelFile",
    "CurveModel",
    "LayerCost",
    "LayerSizes",
    "ModelView",
    "described",
    "show_model",
]


@dataclass(frozen=True, slots=True)
class ModelView:
    """A model as it is shown.

    `latencies_us` holds for each curve, in the order of the file, its latency at `steps` batch
    sizes that are even in their logarithm over its domain. `layers` holds each layer of gated
    experts with its cost at up to `layer_sizes` batch sizes. `heat` describes the thermal response,
    None where there is none. `stale` says why the model may be older than its run, None where it is
    not.
    """

    file: CostModelFile
    latencies_us: tuple[tuple[float, ...], ...]
    layers: tuple[tuple[LayerSizes, tuple[LayerCost, ...]], ...]
    heat: str | None
    stale: str | None = None


def show_model(
    model: Path | str, *, steps: int, max_curves: int, layer_sizes: int = 5
) -> ModelView:
    """View a model by its file or its run's folder; of at most `max_curves` curves the latencies.

    Raises BadInput as `load` does.
    """
    path = model_file(path_argument("model", model))
    loaded = load(path)
    curves = loaded.curves[:max_curves]
    return ModelView(
        file=loaded.file,
        latencies_us=tuple(_latencies_us(loaded, curve, steps) for curve in curves),
        layers=over_sizes(loaded.file, layer_sizes),
        heat=None if loaded.file.thermal is None else thermal_description(loaded.file.thermal),
        stale=stale_sentence(path, loaded.file),
    )


def _latencies_us(model: KernelCostModel, curve: CurveModel, steps: int) -> tuple[float, ...]:
    first, last = curve.domain.first_tokens, curve.domain.last_tokens
    ratio = (last / first) ** (1 / (steps - 1))
    sizes = [min(last, max(first, round(first * ratio**step))) for step in range(steps)]
    return tuple(model.get_costs(curve.curve, sizes).latency_us.tolist())
