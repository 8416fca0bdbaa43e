"""The kernels of one GPU as a step calls them, looked up in a `kernel_cost_model.json`."""

from collections.abc import Callable
from typing import Final

import numpy as np

from ....device.peaks import gpu_sheet
from ....store.errors import BadInput, naming
from ...model import KernelCostModel
from ..features.deployment import Deployment
from ..features.precisions import flop_per_us
from ..features.steps import Array
from .products import Product

# How a dtype of kernels is named among the types of arithmetic, and its bytes per weight.
_ARITHMETIC: Final = {"bfloat16": ("bf16", 2.0), "float16": ("bf16", 2.0), "fp8": ("fp8", 1.0)}
_ANY_PRODUCT: Final = "gemm"  # aiconfigurator's name; its shape: (outputs, inputs)


class ModelKernels:
    """A cost model of one GPU's kernels, from a file of the digest `sha256`; look-ups are kept.

    Raises BadInput for a model of a device without a data sheet, and of a dtype that no engine
    computes in.
    """

    def __init__(self, model: KernelCostModel, sha256: str = "") -> None:
        self.model, self.sha256 = model, sha256
        self.device = model.file.provenance.device_name
        dtype = next((curve.dtype for curve in model.curves), "no dtype")
        with naming("the kernel model"):
            self.sheet = gpu_sheet(self.device)
        if dtype not in _ARITHMETIC:
            raise BadInput(
                f"the kernel model is of {dtype}, and engines compute in bf16 and fp8",
                hint=f"give one of {', '.join(_ARITHMETIC)}",
            )
        self.arithmetic, self.weight_bytes = _ARITHMETIC[dtype]
        self._known: dict[tuple[object, ...], float] = {}

    def check_gpu(self, served: Deployment) -> None:
        """Raise BadInput where the kernels are those of another GPU than steps are of."""
        if served.gpu is not self.sheet:
            raise BadInput(
                f"the kernel model is of {self.device}, and the steps are of {served.gpu_name}",
                hint="give kernels that were measured on the GPU that serves",
            )

    def rate_ratio(self, arithmetic: str) -> float:
        """By what times of these kernels are multiplied where they stand for other `arithmetic`.

        1 for their own; else the ratio of the GPU's peak rates, which is an assumption.
        """
        return flop_per_us(self.sheet, self.arithmetic) / flop_per_us(self.sheet, arithmetic)

    def weights_us(self, parameters: float) -> float:
        """Reading so many parameters in the dtype of the kernels, at the peak rate."""
        return parameters * self.weight_bytes / (self.sheet.bytes_per_s / 1e6)

    def product_us(self, product: Product, tokens: Array) -> Array:
        """One call of a product on `tokens` (n,); us, of shape (n,).

        By its own operation where that was measured at its sizes, else by a product of its widths.
        Raises BadInput, naming the product, where the model has neither.
        """
        own = {curve.shape for curve in self.model.curves if curve.op == product.op}
        widths = (product.outputs, product.inputs)
        is_own = product.shape in own
        op, shape = (product.op, product.shape) if is_own else (_ANY_PRODUCT, widths)
        return self.looked_up(
            (op, shape),
            tokens,
            f"{product.op} of {product.outputs} x {product.inputs}",
            lambda size: self.model.get_cost(op, size, shape=shape).latency_us,
        )

    def looked_up(
        self, key: tuple[object, ...], tokens: Array, what: str, cost: Callable[[int], float]
    ) -> Array:
        """Costs of `what` at whole tokens of 1 or more; each is asked for once by its `key`.

        Raises BadInput, naming `what`, where the model does not tell one.
        """
        sizes, place = np.unique(np.maximum(1, np.rint(tokens)).astype(int), return_inverse=True)
        for size in sizes.tolist():
            if (*key, size) not in self._known:
                try:
                    self._known[(*key, size)] = cost(size)
                except BadInput as error:
                    raise lacking(what, str(error)) from error
        return np.asarray([self._known[(*key, size)] for size in sizes.tolist()])[place]


def lacking(what: str, why: str = "no curve has these sizes") -> BadInput:
    """The refusal of a kernel model without `what`."""
    return BadInput(
        f"the kernel model has no {what}: {why}",
        hint="import or profile these shapes and batch sizes on this GPU",
    )
