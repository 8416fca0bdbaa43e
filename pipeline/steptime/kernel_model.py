"""Measured kernels of a GPU, from the cost model that a user names."""

from pathlib import Path

from ...costmodel.model import KernelCostModel
from ...costmodel.steptime.composition.kernels import ModelKernels
from ...store.errors import naming
from ...store.recording import sha256_of
from ...store.run import model_file


def kernels_of(path: Path) -> ModelKernels:
    """Load a `kernel_cost_model.json`, or that of a run. Raises BadInput for anything else."""
    file = model_file(path)
    model = KernelCostModel.load(file)
    with naming(path):
        return ModelKernels(model, sha256_of(file))
