"""Counters: launches that may run at the same time never share any, and all are zero at first."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

import pytest
import torch

from moeprof.kernels.tiling import counters as module
from moeprof.kernels.tiling.counters import OF_STREAM, Reserve, borrowed_counters, counters

ON_GPU = cast(torch.Tensor, SimpleNamespace(is_cuda=True, device=torch.device("cpu")))


def same(one: torch.Tensor | None, other: torch.Tensor | None) -> bool:
    assert one is not None
    assert other is not None
    return one.data_ptr() == other.data_ptr()


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """The current stream of a GPU whose memory is this machine's."""
    current = SimpleNamespace(cuda_stream=0, capturing=False)
    monkeypatch.setattr(module, "reserves", {})
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: current)
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: current.capturing)
    return current


def test_counters_are_given_out_once() -> None:
    reserve = Reserve(torch.zeros(256, dtype=torch.int32))
    for mark, count in enumerate((1, 33, 64), start=1):
        taken = reserve.take(count)
        assert taken is not None
        assert len(taken) >= count
        assert not taken.any()
        taken += mark
    assert reserve.take(256) is None
    assert reserve.take(64) is not None


def test_every_slice_begins_a_cache_line_of_its_own() -> None:
    reserve = Reserve(torch.zeros(256, dtype=torch.int32))
    begins = [taken.storage_offset() for _ in range(3) if (taken := reserve.take(5)) is not None]
    assert [4 * begin % 128 for begin in begins] == [0, 0, 0]


def test_a_stream_keeps_its_counters(stream: SimpleNamespace) -> None:
    of_default = counters(ON_GPU, 5)
    assert same(counters(ON_GPU, OF_STREAM), of_default)
    stream.cuda_stream = 7
    assert not same(counters(ON_GPU, 5), of_default)
    assert same(counters(ON_GPU, 9), counters(ON_GPU, 5))


def test_each_captured_call_keeps_counters_of_its_own(stream: SimpleNamespace) -> None:
    before = counters(ON_GPU, 5)
    stream.capturing = True
    captured = [counters(ON_GPU, 5) for _ in range(3)]
    assert len({one.data_ptr() for one in [before, *captured]}) == 4
    stream.capturing = False
    assert same(counters(ON_GPU, 5), before)


def test_without_a_reserve_counters_are_allocated(stream: SimpleNamespace) -> None:
    stream.capturing = True
    assert counters(ON_GPU, 5).shape == (5,)  # nothing may be allocated for good in a capture
    assert module.reserves == {}
    stream.capturing = False
    assert counters(ON_GPU, OF_STREAM + 1).shape == (OF_STREAM + 1,)
    reserve = module.reserves[torch.device("cpu")]
    assert reserve.take(module.MAX_COUNTERS) is not None
    stream.capturing = True
    assert counters(ON_GPU, 5).shape == (5,)


def test_borrowed_counters_are_given_out_again(stream: SimpleNamespace) -> None:
    of_default = counters(ON_GPU, 5)
    with borrowed_counters():
        stream.cuda_stream = 7
        of_stream = counters(ON_GPU, 5)
        stream.capturing = True
        captured = counters(ON_GPU, 5)
    again = counters(ON_GPU, 5)
    assert same(again, of_stream)
    assert not same(again, of_default)
    assert not same(again, captured)
    stream.capturing, stream.cuda_stream = False, 0
    assert same(counters(ON_GPU, 5), of_default)


def test_the_per_thread_stream_keeps_no_counters(stream: SimpleNamespace) -> None:
    stream.cuda_stream = 2
    assert counters(ON_GPU, 5).shape == (5,)


def test_running_out_of_memory_is_raised(
    stream: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> torch.Tensor:
        raise torch.OutOfMemoryError("there is no memory")

    monkeypatch.setattr(torch, "zeros", refuse)
    with pytest.raises(torch.OutOfMemoryError, match="there is no memory"):
        counters(ON_GPU, 5)


def test_a_cpu_gets_exactly_as_many_as_it_asks_for() -> None:
    assert torch.equal(counters(torch.ones(2), 3), torch.zeros(3, dtype=torch.int32))
