"""Time fc1 on 4-bit weights on a GPU: ours, torch, tinygemm and gemlite."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch

from moeprof.benchmarks.on_gpu.bench import Bench, Calls, Timed, What, relative_error
from moeprof.benchmarks.on_gpu.floors import bytes_and_flops, floor_us
from moeprof.kernels.dequant_linear import dequant_linear, dequant_linear_reference
from moeprof.kernels.packing import dequantise, pack
from moeprof.kernels.tiling.tiles import Layer

GELU = "gelu_tanh"
# Allowed error, in multiples of torch's error in bfloat16: peers may round weights once more.
OURS_MAX, PEERS_MAX = 2.0, 4.0


@dataclass(frozen=True, slots=True)
class Problem:
    """A layer's weights, several batches, and the exact results of the first batch.

    q is uint8 [N, K], the weights with zero point 8; `packed` are the same; scales are
    [K / group, N]; xs are batches [tokens, K]. By activation, `exact` is the float64 result
    [tokens, N], and `torch_error` the relative error of torch in bfloat16.
    """

    bench: Bench
    layer: Layer
    tokens: int
    q: torch.Tensor
    packed: torch.Tensor
    scales: torch.Tensor
    xs: Sequence[torch.Tensor]
    exact: dict[str, torch.Tensor]
    torch_error: dict[str, float]

    def row(
        self,
        variant: str,
        make: Callable[[], Calls],
        activation: str = "none",
        times: float = OURS_MAX,
        weigh: bool = True,
    ) -> Timed:
        """Measure a variant whose error may be `times` that of torch."""
        return self.bench.row(
            what(self.layer, self.tokens, variant),
            make,
            partial(relative_error, exact=self.exact[activation]),
            times * self.torch_error[activation],
            floor_us(self.bench.name, *bytes_and_flops(self.layer, self.tokens)),
            weigh,
        )

    def dense_weight(self) -> torch.Tensor:
        """The weights in bfloat16 [N, K]."""
        return dequantise(self.packed, self.scales, self.layer.inputs)


def what(layer: Layer, tokens: int, variant: str) -> What:
    """Kernel, size and variant of a row."""
    return "dequant_linear", f"{layer.inputs}->{layer.outputs} b{tokens}", variant


def problem(bench: Bench, layer: Layer, tokens: int) -> Problem:
    """Draw random weights and inputs of a layer."""
    outputs, inputs, generator = layer.outputs, layer.inputs, bench.generator()
    on_gpu = partial(torch.empty, device="cuda")
    q = on_gpu(outputs, inputs, dtype=torch.uint8).random_(0, 16, generator=generator)
    packed = pack(q)
    scales = (
        on_gpu(inputs // layer.group, outputs).uniform_(0, 0.02, generator=generator).bfloat16()
    )
    count = bench.sets_for(packed.nbytes)  # the weights alone exceed the caches
    xs = [on_gpu(tokens, inputs).normal_(generator=generator).bfloat16() for _ in range(count)]
    exact, torch_error = {}, {}
    for activation in ("none", GELU):
        compute = partial(dequant_linear_reference, activation=activation)
        exact[activation] = compute(xs[0].double(), packed, scales.double())
        torch_error[activation] = relative_error(compute(xs[0], packed, scales), exact[activation])
    return Problem(bench, layer, tokens, q, packed, scales, xs, exact, torch_error)


def time_linear(bench: Bench, layer: Layer, tokens: int) -> Iterator[Timed]:
    """Ours, and peers without tuning: torch's linear without and with GELU, tinygemm."""

    def rows() -> Iterator[Timed]:
        given = problem(bench, layer, tokens)
        yield given.row("ours", partial(ours, given), GELU)
        yield given.row("torch linear", partial(_dense, given, torch.nn.functional.linear))
        yield given.row("torch linear + gelu", partial(_dense, given, _linear_and_gelu), GELU)
        yield given.row("torch tinygemm int4", partial(_tinygemm, given), times=PEERS_MAX)

    return bench.rows(what(layer, tokens, "ours"), rows)


def time_gemlite(bench: Bench, layer: Layer, tokens: int) -> Iterator[Timed]:
    """gemlite, which tunes itself in the first call of a shape."""

    def rows() -> Iterator[Timed]:
        given = problem(bench, layer, tokens)
        yield given.row("gemlite", partial(_gemlite, given), times=PEERS_MAX)

    return bench.rows(what(layer, tokens, "gemlite"), rows)


def ours(given: Problem) -> Calls:
    """Our kernel with GELU, on a copy of the weights for each set."""
    sets = [(x, given.packed.clone(), given.scales.clone()) for x in given.xs]
    return [partial(dequant_linear, *one, None, None, GELU) for one in sets]


def _dense(given: Problem, call: Callable[..., torch.Tensor]) -> Calls:
    weight = given.dense_weight()
    # bfloat16 weights are four times as large: fewer sets exceed the same five caches.
    count = given.bench.sets_for(2 * weight.numel())
    return [partial(call, x, weight.clone()) for x in given.xs[:count]]


def _linear_and_gelu(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Linear layer and GELU as two kernels."""
    y = torch.nn.functional.linear(x, weight)
    return torch.nn.functional.gelu(y, approximate="tanh")


def _tinygemm(given: Problem) -> Calls:
    """torch's int4 kernel, on the same weights.

    torchao calls it for `tile_packed_to_4d`, whose own quantisation would give other weights.
    Pairs along K share a byte, the even one in its upper half; a weight is (q - 8) scale + zero.
    """
    pairs = given.q[:, ::2] << 4 | given.q[:, 1::2]
    packed = torch.ops.aten._convert_weight_to_int4pack(pairs, 8)
    scales = torch.stack([given.scales, torch.zeros_like(given.scales)], dim=2)
    return [
        partial(
            torch.ops.aten._weight_int4pack_mm,
            x,
            packed.clone(),
            given.layer.group,
            scales.clone(),
        )
        for x in given.xs
    ]


def _gemlite(given: Problem) -> Calls:
    """gemlite's layer on the same weights, a copy for each set."""
    from gemlite.helper import A16Wn  # type: ignore[import-not-found]

    by_row = given.scales.T.reshape(-1, 1)
    zeros = torch.full_like(by_row, 8)
    layers = [
        A16Wn(device="cuda").from_weights(given.q, by_row, zeros, 4, given.layer.group, None)
        for _ in given.xs
    ]
    return [partial(layer, x) for layer, x in zip(layers, given.xs, strict=True)]
