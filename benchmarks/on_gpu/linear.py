"""fc1 on 4-bit weights on a GPU: ours beside torch, tinygemm, gemlite and ours on other tiles."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from functools import partial
from unittest.mock import patch

import torch

from moeprof.benchmarks.on_gpu.bench import Bench, Calls, Clock, Timed, relative_error
from moeprof.benchmarks.on_gpu.floors import bytes_and_flops, floor_us
from moeprof.kernels import tiles
from moeprof.kernels.dequant_linear import dequant_linear, dequant_linear_reference
from moeprof.kernels.packing import pack
from moeprof.kernels.tiles import Gpu, Layer, Tile

GELU = "gelu_tanh"
# Of torch's own error in bfloat16, both against float64: a peer may round its weights once more.
OURS_MOST, PEERS_MOST = 2.0, 4.0


@dataclass(frozen=True, slots=True)
class Problem:
    """A layer's weights, a batch for each set of inputs, and what comes of the first.

    q [N, K] are the weights before the zero point 8 is taken off, packed the same, scales
    [K / group, N]. By activation, `exact` is in float64, `torch_error` that of torch in bfloat16.
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
        times: float = OURS_MOST,
        weigh: bool = True,
    ) -> Timed:
        """Time a variant whose error is at most so many times that of torch."""
        size = f"{self.layer.inputs}->{self.layer.outputs} b{self.tokens}"
        return self.bench.row(
            ("dequant_linear", size, variant),
            make,
            partial(relative_error, exact=self.exact[activation]),
            times * self.torch_error[activation],
            floor_us(self.bench.name, *bytes_and_flops(self.layer, self.tokens)),
            weigh,
        )

    def dense_weight(self) -> torch.Tensor:
        """The weights in bfloat16 [N, K]."""
        return ((self.q - 8) * self.scales.T.repeat_interleave(self.layer.group, 1)).bfloat16()


def problem(bench: Bench, layer: Layer, tokens: int) -> Problem:
    """Draw a layer's weights and its inputs."""
    count = bench.sets_for(bytes_and_flops(layer, tokens)[0])
    q = torch.randint(0, 16, (layer.outputs, layer.inputs), device="cuda")
    packed, shape = pack(q), (layer.inputs // layer.group, layer.outputs)
    scales = (torch.rand(shape, device="cuda") * 0.02).bfloat16()
    xs = [torch.randn(tokens, layer.inputs, device="cuda").bfloat16() for _ in range(count)]
    exact, torch_error = {}, {}
    for activation in ("none", GELU):
        compute = partial(dequant_linear_reference, activation=activation)
        exact[activation] = compute(xs[0].double(), packed, scales.double())
        torch_error[activation] = relative_error(compute(xs[0], packed, scales), exact[activation])
    return Problem(bench, layer, tokens, q, packed, scales, xs, exact, torch_error)


def time_linear(bench: Bench, layer: Layer, tokens: int) -> Iterator[Timed]:
    """Ours and what needs no tuning: torch's linear without and with GELU, tinygemm."""
    given = problem(bench, layer, tokens)
    yield given.row("ours", partial(_ours, given), GELU)
    yield given.row("torch linear", partial(_dense, given, torch.nn.functional.linear))
    yield given.row("torch linear + gelu", partial(_dense, given, _linear_and_gelu), GELU)
    yield given.row("torch tinygemm int4", partial(_tinygemm, given), times=PEERS_MOST)


def time_gemlite(bench: Bench, layer: Layer, tokens: int) -> Timed:
    """gemlite, which tunes itself at the first call of a shape."""
    given = problem(bench, layer, tokens)
    return given.row("gemlite", partial(_gemlite, given), times=PEERS_MOST)


def _ours(given: Problem) -> Calls:
    sets = [(x, given.packed.clone(), given.scales.clone()) for x in given.xs]
    return [partial(dequant_linear, *one, None, None, GELU) for one in sets]


def _dense(given: Problem, call: Callable[..., torch.Tensor]) -> Calls:
    weight = given.dense_weight()
    # Full-size weights are four times as large: fewer sets walk the same five caches.
    count = given.bench.sets_for(2 * weight.numel())
    return [partial(call, x, weight.clone()) for x in given.xs[:count]]


def _linear_and_gelu(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """What a layer does without fusion."""
    y = torch.nn.functional.linear(x, weight)
    return torch.nn.functional.gelu(y, approximate="tanh")


def _tinygemm(given: Problem) -> Calls:
    """torch's int4 kernel, on the same weights.

    It is what torchao calls for `tile_packed_to_4d`, whose own quantisation would draw others.
    Pairs along K share a byte, the even one in its upper half; a weight is (q - 8) scale + zero.
    """
    q = given.q.to(torch.uint8)
    packed = torch.ops.aten._convert_weight_to_int4pack(q[:, ::2] << 4 | q[:, 1::2], 8)
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
        A16Wn(device="cuda").from_weights(
            given.q.to(torch.uint8), by_row, zeros, 4, given.layer.group, None
        )
        for _ in given.xs
    ]
    return [partial(layer, x) for layer, x in zip(layers, given.xs, strict=True)]


def tuned(bench: Bench, layer: Layer, tokens: int, limit_s: float) -> Timed:
    """Try other tiles, those most like the chosen one first: the fastest is a row for MEASURED."""
    given, clock = problem(bench, layer, tokens), Clock(limit_s)
    gpu = tiles.gpu_at(0)
    key = (gpu.name, layer, tiles.rows_for(gpu, tokens))
    candidates = _candidates(gpu, layer, tokens)
    rows: dict[Tile, Timed] = {}
    for tile in candidates:
        if clock.left_s() <= 0 or bench.clock.left_s() <= 0:
            break
        with patch.dict(tiles.MEASURED, {key: tile}):
            rows[tile] = given.row("tile", partial(_ours, given), GELU, weigh=False)
    us = {tile: row.us for tile, row in rows.items() if row.us is not None}
    wrong = sum(row.error is not None and row.us is None for row in rows.values())
    said = f"{len(rows)} of {len(candidates)} tiles tried, {len(us)} run, {wrong} wrong"
    what = ("dequant_linear", f"{layer.inputs}->{layer.outputs} b{tokens}")
    if not us:
        return Timed(*what, "tuned", why=said)
    best = min(us, key=us.__getitem__)
    row = rows[best]
    return replace(row, variant=f"MEASURED[{key}] = {best}", why=said)


def _candidates(gpu: Gpu, layer: Layer, tokens: int) -> list[Tile]:
    """The chosen tile and its neighbours, by how many of its numbers they change."""
    chosen = tiles.choose_tile(gpu, layer, tokens)
    others = [
        replace(chosen, outputs=outputs, warps=warps, stages=stages, splits=splits)
        for outputs, warps, stages, splits in itertools.product(
            (64, 128), (4, 8), range(2, chosen.stages + 2), (1, 2, 3, 4, 6, 8)
        )
    ]

    def changes(tile: Tile) -> int:
        return sum(a != b for a, b in zip(astuple(tile), astuple(chosen), strict=True))

    return sorted(dict.fromkeys([chosen, *others]), key=changes)
