"""How measured kernels enter the prediction of steps of one GPU: a field of StepTimeFile."""

from dataclasses import dataclass

from ..document import Amount, Count, Positive, Share


@dataclass(frozen=True, slots=True)
class FormError:
    """Median and 90th percentile of |predicted / measured - 1| on rows that no fit saw."""

    median: Amount
    p90: Amount


@dataclass(frozen=True, slots=True)
class Blend:
    """How a step by kernels and one by the physics fit are blended, as a geometric mean.

    `weight` is that of the kernels, 0 where they do not predict better. `errors` are those of the
    same rows: "physics", "kernels", "blend", and "without kernels", which is the composition with
    FLOPs at the data sheet's rate in place of kernels. The blend's weights were chosen without
    the rows that they are judged by. `factors` maps a coverage in percent to the factor that a
    blended step lies within.
    """

    weight: Share
    errors: dict[str, FormError]
    factors: dict[str, Positive]


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelFit:
    """A step composed of a kernel cost model, fitted to the rows of the kernels' GPU.

    `device` is the kernels' GPU as their model names it, `arithmetic` the type that they compute
    in, `sha256` the digest of the file. `coefficients` multiply what columns take: "weights" and
    "rest" as the physics fit prices them, "products", "experts" and "attention" as measured
    kernels take beyond reading. `known` is for models that have rows, `unseen` for others.
    `refused` maps why rows could not be composed to how many; `converted` of the `rows` compute in
    another type than the kernels, and count by the ratio of peak rates.
    """

    device: str
    arithmetic: str
    sha256: str
    coefficients: dict[str, Amount]
    known: Blend
    unseen: Blend
    rows: Count
    configurations: Count
    converted: Count
    refused: dict[str, Count]
