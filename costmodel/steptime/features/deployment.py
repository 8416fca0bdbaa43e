"""A model as it is served: on which GPUs, split how, in which precision, by which engine."""

from dataclasses import dataclass
from typing import Final

from ....device.peaks import GpuSheet, gpu_sheet
from ....store.serving.whole_model import WholeModel
from .cache_types import BF16_BYTES, kv_value_bytes
from .engines import engine_name
from .precisions import Precision, precision_name, precision_of
from .splits import Split, check_split, exchanging_gpus

__all__ = ["Deployment", "Split", "deployment"]

BETWEEN: Final = " | "  # the parts of a configuration's name


@dataclass(frozen=True, slots=True)
class Deployment:
    """One instance of a served model.

    `tp` GPUs split each layer, and `dp` such groups each hold the whole attention and a share of
    the requests. Routed experts are split over all tp*dp GPUs: whole experts where `ep` is above
    1, slices of each where it is 1. `engine` names the software, with its generation.
    `precision_name` and `engine` are the one name of each, however they were spelled.
    `kv_value_bytes` are those of a value of the cache.
    """

    model: WholeModel
    gpu: GpuSheet
    precision: Precision
    precision_name: str
    engine: str
    tp: int = 1
    ep: int = 1
    dp: int = 1
    kv_value_bytes: float = BF16_BYTES

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
        return BETWEEN.join(parts)

    @property
    def stored_as(self) -> str:
        """The precision, with what it is of: models with experts leave other parts out of it."""
        of = "a dense model" if self.model.experts is None else "experts"
        return f"{self.precision_name} of {of}"

    @property
    def bytes_per_us(self) -> float:
        """Peak rate of one GPU's memory."""
        return self.gpu.bytes_per_s / 1e6

    @property
    def link_bytes_per_us(self) -> float:
        """Peak rate at which one GPU sends to the others of the split, in one direction."""
        gpus = exchanging_gpus(self.model, Split(self.tp, self.ep, self.dp))
        return self.gpu.exchange_bytes_per_s(gpus) / 2 / 1e6

    @property
    def host_bytes_per_us(self) -> float:
        """Peak rate of one GPU's link to the memory of the CPU, in one direction."""
        return self.gpu.host_bytes_per_s / 2 / 1e6


def deployment(
    model: WholeModel,
    gpu: str,
    precision: str,
    engine: str,
    split: Split,
    *,
    kv_cache_dtype: str = "auto",
) -> Deployment:
    """Describe how a model is served.

    `kv_cache_dtype` is "auto" for 16 bits, or "fp8", whatever the precision of the weights.
    Raises BadInput for an unknown GPU, precision or type of the cache, for a GPU's name that may be
    several variants, and for a split that no engine makes or that no link of the GPU joins.
    """
    sheet, name = gpu_sheet(gpu), precision_name(precision)
    check_split(model, sheet, split)
    return Deployment(
        model,
        sheet,
        precision_of(name, model),
        name,
        engine_name(engine),
        split.tp,
        split.ep,
        split.dp,
        kv_value_bytes(kv_cache_dtype),
    )
