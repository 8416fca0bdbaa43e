"""A model as it is served: on which GPUs, split how, in which precision, by which engine."""

from dataclasses import dataclass

from ....device.peaks import GpuSheet, gpu_sheet
from ....store.errors import BadInput
from ....store.serving.whole_model import WholeModel
from .precisions import Precision, precision_of


@dataclass(frozen=True, slots=True)
class Deployment:
    """One instance of a served model.

    `tp` GPUs split each layer, and `dp` such groups each hold the whole attention and a share of
    the requests. Routed experts are split over all tp*dp GPUs: whole experts where `ep` is above
    1, slices of each where it is 1. `engine` names the software, with its generation.
    `precision_name` is the name that was given.
    """

    model: WholeModel
    gpu: GpuSheet
    precision: Precision
    precision_name: str
    engine: str
    tp: int = 1
    ep: int = 1
    dp: int = 1

    @property
    def gpus(self) -> int:
        """GPUs of the instance."""
        return self.tp * self.dp

    @property
    def gpu_name(self) -> str:
        """The one name of the GPU's variant, however it was spelled."""
        return self.gpu.name

    @property
    def configuration(self) -> str:
        """What a split of rows must keep together."""
        split = f"tp{self.tp} ep{self.ep} dp{self.dp}"
        parts = (self.model.name, self.gpu_name, split, self.precision_name, self.engine)
        return " | ".join(parts)

    @property
    def bytes_per_us(self) -> float:
        """Peak rate of one GPU's memory."""
        return self.gpu.bytes_per_s / 1e6

    @property
    def link_bytes_per_us(self) -> float:
        """Peak rate of one GPU's links, in one direction."""
        return self.gpu.link_bytes_per_s / 2 / 1e6

    @property
    def host_bytes_per_us(self) -> float:
        """Peak rate of one GPU's link to the memory of the CPU, in one direction."""
        return self.gpu.host_bytes_per_s / 2 / 1e6


@dataclass(frozen=True, slots=True)
class Split:
    """How a model is split over GPUs: see Deployment."""

    tp: int = 1
    ep: int = 1
    dp: int = 1


def deployment(
    model: WholeModel, gpu: str, precision: str, engine: str, split: Split
) -> Deployment:
    """Describe how a model is served.

    Raises BadInput for an unknown GPU or precision, for a GPU's name that may be several variants,
    and for a split that does not divide heads.
    """
    sheet = gpu_sheet(gpu)
    if min(split.tp, split.ep, split.dp) < 1:
        raise BadInput(
            f"tp {split.tp}, ep {split.ep} and dp {split.dp} must be 1 or more",
            hint="leave out what is not split",
        )
    if model.heads % split.tp:
        raise BadInput(
            f"{model.name} has {model.heads} heads, which {split.tp} GPUs cannot share evenly",
            hint="give a --tp that divides the number of heads",
        )
    found = precision_of(precision, model)
    return Deployment(model, sheet, found, precision, engine, split.tp, split.ep, split.dp)
