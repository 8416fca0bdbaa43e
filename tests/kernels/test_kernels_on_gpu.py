"""The kernels on a GPU: the interpreter's tests, graphs, streams and devices."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch

from moeprof.kernels.active_set import active_set
from moeprof.kernels.dequant_linear import dequant_linear
from moeprof.kernels.grouped_linear import grouped_linear
from moeprof.kernels.packing import pack
from moeprof.kernels.tiling.choice import choose_tile, gpu_at
from moeprof.kernels.tiling.tiles import Layer
from moeprof.kernels.topk import topk
from moeprof.kernels.weights import Weights

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")

INTERPRETED = sorted(path.name for path in Path(__file__).parent.glob("interpreted_*.py"))
TOKENS, OUTPUTS, INPUTS, GROUP = 5, 96, 2048, 128
WAIT_CYCLES = 50_000_000

Results = tuple[torch.Tensor, ...]
Kernel = Callable[[torch.Tensor], Results]


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def weights_on(device: str) -> Weights:
    """Weights of three experts."""
    packed = torch.stack([pack(torch.randint(0, 16, (OUTPUTS, INPUTS))) for _ in range(3)])
    scales = (torch.rand(3, INPUTS // GROUP, OUTPUTS) * 0.02).bfloat16()
    return Weights(packed.to(device), scales.to(device))


def linear_on(device: str) -> tuple[Kernel, torch.Tensor]:
    one = weights_on(device).of(0)
    x = torch.randn(TOKENS, INPUTS).bfloat16().to(device)
    return lambda x: (dequant_linear(x, one.packed, one.scales),), x


def grouped_on(device: str) -> tuple[Kernel, torch.Tensor]:
    weights = weights_on(device)
    counts = torch.tensor([3, 0, 2], dtype=torch.int32, device=device)
    x = torch.randn(TOKENS, INPUTS).bfloat16().to(device)
    return lambda x: (grouped_linear(x, counts, weights),), x


def topk_on(device: str) -> tuple[Kernel, torch.Tensor]:
    return partial(topk, k=8), torch.randn(TOKENS, 128).to(device)


def active_set_on(device: str) -> tuple[Kernel, torch.Tensor]:
    prices = torch.full((128,), 0.2, device=device)
    scores = torch.softmax(2 * torch.randn(TOKENS, 128), dim=1)
    return partial(active_set, prices=prices, k=8), scores.to(device)


each_kernel = pytest.mark.parametrize("make", [linear_on, grouped_on, topk_on, active_set_on])


def same(results: Results, expected: Results) -> bool:
    return all(map(torch.equal, results, expected))


@pytest.mark.parametrize("name", INTERPRETED)
def test_what_holds_in_the_interpreter_holds_on_the_gpu(
    name: str, on_gpu: Callable[[str], None]
) -> None:
    on_gpu(name)


def test_the_layer_of_these_tests_splits_k() -> None:
    layer = Layer(OUTPUTS, INPUTS, 4, GROUP)
    assert choose_tile(gpu_at(0), layer, TOKENS).splits > 1


@each_kernel
def test_a_graph_replays_it_on_new_inputs(
    make: Callable[[str], tuple[Kernel, torch.Tensor]],
) -> None:
    kernel, x = make("cuda")
    other = x.flip(0).contiguous()
    expected = kernel(other)
    assert not same(kernel(x), expected)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        results = kernel(x)
    x.copy_(other)
    for _ in range(3):
        for result in results:
            result.zero_()
        graph.replay()
        assert same(results, expected)


def test_a_split_product_is_one_node_of_a_graph() -> None:
    kernel, x = linear_on("cuda")
    kernel(x)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        kernel(x)
    kinds = [torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=kinds, acc_events=True) as trace:
        graph.replay()
        torch.cuda.synchronize()
    ran = [one.name for one in trace.events() if one.device_type == torch.profiler.DeviceType.CUDA]
    assert ran == ["dequant_linear_kernel"]


@each_kernel
def test_it_runs_in_the_order_of_its_stream(
    make: Callable[[str], tuple[Kernel, torch.Tensor]],
) -> None:
    kernel, x = make("cuda")
    expected = kernel(x)
    torch.cuda.synchronize()
    streams = [torch.cuda.Stream() for _ in range(2)]  # type: ignore[no-untyped-call]
    found = []
    for stream in streams * 4:
        with torch.cuda.stream(stream):
            late = torch.zeros_like(x)
            # On another stream the kernel would read zeros.
            torch.cuda._sleep(WAIT_CYCLES)  # type: ignore[no-untyped-call]
            late.copy_(x)
            found.append(kernel(late))
    torch.cuda.synchronize()
    assert all(same(results, expected) for results in found)


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="there is no second GPU here")
@each_kernel
def test_it_runs_on_the_gpu_of_its_tensor(
    make: Callable[[str], tuple[Kernel, torch.Tensor]],
) -> None:
    kernel, x = make("cuda:1")
    assert torch.cuda.current_device() == 0
    results = kernel(x)
    with torch.cuda.device(1):
        expected = kernel(x)
    assert all(result.device == x.device for result in results)
    assert same(results, expected)
