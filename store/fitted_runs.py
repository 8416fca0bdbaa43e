"""What a model was fitted to: its runs, and the layers that they measured."""

from dataclasses import dataclass

from .document import Count, LogRatio, Name, Size, Small


@dataclass(frozen=True, slots=True)
class FittedRun:
    """A run that a model was fitted to.

    `points_sha256` is the digest of the file of its points, `sources_sha256` that of the plan and
    the recordings which they were made from; it ends in "-incomplete" where a damaged one was left
    out, and is None where it is unknown. `run_id` is the name of another run's folder than the
    model's own.
    """

    points_sha256: str
    sources_sha256: str | None
    run_id: Name | None = None


@dataclass(frozen=True, slots=True)
class PartCurve:
    """An operation of a layer, and the name of the curve that holds its cost.

    `weight_bits` are those of packed weights, None where weights are not packed.
    """

    op: str
    curve: str
    weight_bits: Small | None = None


@dataclass(frozen=True, slots=True)
class LayerDifference:
    """What a layer takes as one unit, beside the sum of its parts; fitted where both were measured.

    Its time is (1 - overlap_share) * sum + gap_us for each part after the first. The gap holds what
    a launch costs between two kernels, less what each call of a part costs by itself alone; the
    share holds what overlaps, and what a part finds in a cache. Either may be negative. `gap_us_95`
    and `overlap_share_95` are the bounds of their 95 % intervals, None where too few sizes tell
    them. `half_95` is the half width of the 95 % interval of the time, as a |log| ratio, from the
    errors at `n` sizes, each of which is predicted from the others.
    """

    gap_us: float
    overlap_share: float
    gap_us_95: tuple[float, float] | None
    overlap_share_95: tuple[float, float] | None
    half_95: LogRatio
    n: Count


@dataclass(frozen=True, slots=True)
class LayerSizes:
    """A layer whose operations were measured, by its sizes; `preset` is only what it is called.

    `shared_ffn` is None without shared experts, `local_experts` where this device holds all of
    them. The sizes are those of one of `tensor_parallel` ranks. `router`, `activation` and
    `routing` are the words of a preset; None in files before 1.7, whose layers have no `parts`.

    `weight_format` is that of all experts, with `group_size` neighbours per scale; None where there
    is none, and in files before 1.8.

    `parts` are the operations of a layer of gated experts, in order; without a format, those on
    packed weights stand beside those that they replace. `unit` is the curve of the whole layer as
    one unit. Without such an operation in the runs there are none. `routed` are operations that
    take the place of the parts from permute to unpermute: ours in one call, and other engines'.
    `difference` is None where both were not measured, for the `difference_reason`.
    """

    preset: str
    hidden: Size
    ffn: Size
    experts: Size
    top_k: Size
    dtype: str
    shared_ffn: Size | None = None
    local_experts: Size | None = None
    tensor_parallel: Size = 1
    router: str | None = None
    activation: str | None = None
    routing: str | None = None
    weight_format: str | None = None
    group_size: Small | None = None
    parts: tuple[PartCurve, ...] = ()
    routed: tuple[PartCurve, ...] = ()
    unit: str | None = None
    difference: LayerDifference | None = None
    difference_reason: str | None = None

    @property
    def own_parts(self) -> tuple[PartCurve, ...]:
        """The parts that its unit consists of: without those that may replace them."""
        packs = self.weight_format is not None
        return tuple(part for part in self.parts if packs or part.weight_bits is None)

    @property
    def ranks(self) -> int:
        """The ranks that the experts are spread over."""
        return self.experts // (self.local_experts or self.experts)

    @property
    def held_experts(self) -> int:
        """The experts whose weights this device holds."""
        return self.local_experts or self.experts

    def same_but_routing(self, other: "LayerSizes") -> bool:
        """Whether two layers are the same, whatever their names and how tokens are distributed."""
        return self._identity() == other._identity()

    def _identity(self) -> tuple[object, ...]:
        return (
            self.hidden, self.ffn, self.experts, self.top_k, self.dtype, self.shared_ffn,
            self.local_experts, self.tensor_parallel, self.router, self.activation,
            self.weight_format, self.group_size,
        )  # fmt: skip
