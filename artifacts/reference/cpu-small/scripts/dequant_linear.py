"""dequant_linear of the preset small, by itself.

dequant_linear: fc1 on packed weights in one kernel, y = x dequantise(W)ᵀ.

x [tokens, hidden], packed int32 [ceil(ffn / 16), ceil(hidden / 64), 32, bits] and scales of the
preset's format (kernels/packing.py), of integers [hidden / group_size, ffn] -> y [tokens, ffn]; all
but packed, and the scales of fp8 and mxfp4, are of the scenario's dtype. The key names the format
where it is not of integers without zero points.

    python dequant_linear.py                   measure every size in SIZES, a line each
    python dequant_linear.py --sizes 1,2,4     measure these
    python dequant_linear.py --serve           answer requests from stdin, each with lines of JSON

With --serve the answers go to the descriptor that the environment variable MOEPROF_ANSWERS_FD
names, or else to stdout. What the operation prints is no answer.

A request is a line. "TOKENS [REPEAT [SECONDS]]" times single calls of one size, within so many
seconds as far as its calls allow that. "load TOKENS [REPEAT]" calls
the operation without a pause while another process reads a power sensor, "reference [REPEAT]"
multiplies the same two matrices in the script of every operation, and "idle [REPEAT]" does nothing
instead. Each answers when it begins, and again when it ends: at the line "stop", or after LOAD_S.
"""

import argparse
import gzip
import json
import math
import os
import select
import shutil
import statistics
import sys
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, fields, is_dataclass
from functools import cache, partial
from itertools import cycle, pairwise
from typing import Any

import torch
from moeprof.kernels.dequant_linear import dequant_linear
from moeprof.kernels.weights import Weights
from moeprof.kernels.formats.drawn import packed_weights

try:
    import nvtx
except ModuleNotFoundError:  # then only a profiler of the CPU's ranges records nothing
    nvtx = None

PROTOCOL = 6  # version of the requests and answers
PID = os.getpid()
# Key of a scenario, and name of the profiler's ranges.
KEY = "dequant_linear-b{tokens}-512x1024-fp32-w4-g64-cold"
SIZES = [1, 2, 3, 4, 5, 6, 7, 8, 12, 14, 15, 21, 27, 34, 35, 53, 56, 86, 91, 97, 153, 193, 210, 257, 384, 431, 512]
DIMENSIONS = {"hidden": 512, "ffn": 1024, "weight_format": "int4", "group_size": 64}
DTYPE = torch.float32
DEVICE = "cpu"
THREADS = 1
SEED = 0
COLD = True  # True: each call takes the next inputs of the pool; False: all take the same
POOL_BYTES = 167772160  # at least 5 last-level caches of 32 MiB
CACHE_BYTES = 33554432  # size of the last-level cache
WARMUP_CALLS, MAX_WARMUP_CALLS, WARMUP_S = 3, 1000000, 0.02
MIN_CALLS, MAX_CALLS, POINT_S = 5, 180, 0.07
BUSY_S = 0.3  # before the first size: the clock of a GPU is low in idle
# Calls that are timed by events of the GPU, after the others: enough to choose the next size.
MIN_DEVICE_CALLS, DEVICE_CALLS, DEVICE_S = 5, 10, 0.02
SPIN_CYCLES, MAX_SPIN_CYCLES = 1 << 17, 1 << 27  # 70 us to 70 ms at 1.98 GHz
LOAD_S = 3.5  # longest steady load; "stop" ends it earlier
REPLAY_S = 0.003  # calls run in replays of this length, shorter than a power sensor's period
QUEUED_S = 0.05  # replays queued ahead, so that the GPU never waits for the next launch
COUNT_S = 0.02  # time between two recorded counts of launches
MAX_LOAD_CALLS = 1 << 14  # calls whose inputs are prepared for a load
REFERENCE_SIDE = 1024  # side of the reference load's matrices: below the power limit of a GPU
# The reference beside each visit: calls before it and as many after, and its matrices' side.
REFERENCE_CALLS = 8
VISIT_SIDE = 192 if DEVICE == "cpu" else 512
# Integers as wide as an element: inputs are compared by their bits, so that NaN equals NaN.
BITS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64, 16: torch.complex128}
BY_KINETO = any(word.startswith("--kineto") for word in sys.argv)

Draw = Callable[[torch.Tensor], torch.Tensor]
InputFactory = Callable[..., torch.Tensor]
Take = InputFactory


# The operation, as it stands in its own file.


def make_inputs(
    take: InputFactory, tokens: int, hidden: int, ffn: int, weight_format: str, group_size: int
) -> tuple[torch.Tensor, Weights]:
    """Activations [tokens, hidden] and packed weights [ffn, hidden]."""
    return take((tokens, hidden)), packed_weights(take, weight_format, group_size, ffn, hidden)


def run(x: torch.Tensor, weights: Weights) -> torch.Tensor:
    """Multiply by the transposed weights without writing them out: [tokens, ffn]."""
    return dequant_linear(x, *weights.tensors, codes=weights.codes)


class Pool:
    """Random data. Each call takes views of the part that follows the previous call's.

    Data that `draw` makes of standard normal numbers lie in a part of their own.
    """

    BLOCK_BYTES = 1 << 24  # this much is drawn and repeated: caches see addresses, not values
    DRAWN = 1 << 20  # normal numbers that `draw` gets
    ALIGNMENT_BYTES = 4096  # a page: hardware prefetch does not reach into the next call's data

    def __init__(self) -> None:
        self._data: dict[Any, torch.Tensor] = {}
        self._next: dict[Any, int] = {}

    def take(
        self, shape: tuple[int, ...], dtype: torch.dtype = DTYPE, draw: Draw | None = None
    ) -> torch.Tensor:
        """Return a contiguous view of `shape` that no recent call has used."""
        kind = (dtype, draw)
        data = self._data.get(kind)
        if data is None:
            data = self._data[kind] = self._make(dtype, draw)
        count = torch.Size(shape).numel()
        if count > len(data):
            wanted, held = count * dtype.itemsize, len(data) * dtype.itemsize
            raise ValueError(f"the operation takes {wanted} bytes and the pool holds {held}")
        start = self._next.get(kind, 0)
        if start + count > len(data):
            start = 0
        align = self.ALIGNMENT_BYTES // dtype.itemsize
        self._next[kind] = start + -(-count // align) * align
        return data[start : start + count].view(shape)

    def rewind(self) -> None:
        """Start again: the next views are the first ones."""
        self._next.clear()

    def _make(self, dtype: torch.dtype, draw: Draw | None) -> torch.Tensor:
        generator = torch.Generator().manual_seed(SEED)
        length = self.BLOCK_BYTES // dtype.itemsize
        if draw is not None:
            block = draw(torch.randn(self.DRAWN, generator=generator, dtype=torch.float32))
        elif dtype.is_floating_point:
            block = torch.randn(length, generator=generator).to(dtype)
        else:
            bounds = torch.iinfo(dtype)
            block = torch.randint(
                bounds.min, bounds.max, (length,), dtype=dtype, generator=generator
            )
        return block.to(DEVICE).repeat(-(-POOL_BYTES // block.nbytes))


def synchronise() -> None:
    """Wait until the device has finished all queued work."""
    if DEVICE != "cpu":
        torch.cuda.synchronize(DEVICE)


def profiler_range(name: str) -> AbstractContextManager[Any]:
    """Range in a profiler's recording: of torch.profiler with --kineto, else NVTX (nsys, ncu).

    A CUDA build of torch brings its own NVTX; on a CPU the package nvtx serves, where it is there.
    """
    if BY_KINETO:
        return torch.profiler.record_function(name)
    if DEVICE != "cpu":
        return torch.cuda.nvtx.range(name)
    return nullcontext() if nvtx is None else nvtx.annotate(name, domain="moeprof")


def call(pool: Pool, tokens: int, name: str | None) -> int:
    """Run the operation once on the next inputs, in a range if named; return its time, ns."""
    if not COLD:
        pool.rewind()
    inputs = make_inputs(pool.take, tokens, **DIMENSIONS)
    synchronise()
    with nullcontext() if name is None else profiler_range(name):
        begin_ns = time.perf_counter_ns()
        output = run(*inputs)  # kept until the clock has stopped: freeing it is not timed
        synchronise()
        end_ns = time.perf_counter_ns()
    del output
    end_copies()
    return end_ns - begin_ns


def end_copies() -> None:
    """End this process if it is a copy that the operation forked: only the first one measures."""
    if os.getpid() != PID:
        os._exit(0)


def tensors(value: Any) -> Iterator[torch.Tensor]:
    """The tensors in a value, also within tuples, lists and dataclasses."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for each in value:
            yield from tensors(each)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from tensors(getattr(value, field.name))


def check_inputs(pool: Pool, tokens: int) -> None:
    """Run the operation once. Raise ValueError if it changes its inputs: later calls reuse them."""

    def bits(inputs: Any) -> list[torch.Tensor]:
        every = tensors(inputs)
        plain = (x for x in every if type(x) is torch.Tensor and x.layout is torch.strided)
        return [x.view(BITS[x.itemsize]) for x in plain]

    inputs = make_inputs(pool.take, tokens, **DIMENSIONS)
    before = [each.clone() for each in bits(inputs)]
    run(*inputs)
    end_copies()
    if not all(map(torch.equal, bits(inputs), before)):
        raise ValueError("run changes its inputs, and later calls would see what it left in them")


@cache  # once a process
def raise_clock() -> None:
    """Keep the GPU busy for BUSY_S, so that its clock has risen before anything is timed."""
    begin_s = time.perf_counter()
    while DEVICE != "cpu" and time.perf_counter() - begin_s < BUSY_S:
        torch.cuda._sleep(MAX_SPIN_CYCLES)
        synchronise()


def device_times(pool: Pool, tokens: int) -> tuple[list[int], list[int]]:
    """Time calls by events of the GPU, and the host that launches them, both ns.

    Both are empty on a CPU, the first also if the operation waits for the GPU. A spin keeps the GPU
    busy while the host launches the call, so that no kernel waits for its launch. It is lengthened
    until the launches are done before it ends.
    """
    times_ns: list[int] = []
    launches_ns: list[int] = []
    spin, begin_s = SPIN_CYCLES, time.perf_counter()
    while DEVICE != "cpu" and len(times_ns) < DEVICE_CALLS and spin <= MAX_SPIN_CYCLES:
        if len(times_ns) >= MIN_DEVICE_CALLS and time.perf_counter() - begin_s >= DEVICE_S:
            break
        if not COLD:
            pool.rewind()
        inputs = make_inputs(pool.take, tokens, **DIMENSIONS)
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        synchronise()
        torch.cuda._sleep(spin)
        start.record()
        launch_ns = time.perf_counter_ns()
        output = run(*inputs)
        launches_ns.append(time.perf_counter_ns() - launch_ns)
        end.record()
        spin_ended = start.query()
        synchronise()
        del output
        end_copies()
        if spin_ended:
            spin *= 2
        else:
            times_ns.append(round(start.elapsed_time(end) * 1e6))
    return times_ns, launches_ns


def square_product(side: int) -> Callable[[], Any]:
    """Return the product of two square matrices, the same in the script of every operation."""
    dtype = torch.float32 if DEVICE == "cpu" else DTYPE
    generator = torch.Generator().manual_seed(SEED)
    left, right = torch.randn((2, side, side), generator=generator).to(DEVICE, dtype)
    return partial(torch.mm, left, right, out=torch.empty_like(left))


reference = cache(square_product)  # once a process


def reference_times() -> list[int]:
    """Time REFERENCE_CALLS of the reference, ns; on a GPU their mean, by its events.

    There a spin keeps the GPU busy until all of them are launched.
    """
    multiply = reference(VISIT_SIDE)
    multiply()
    if DEVICE == "cpu":
        marks_ns = [time.perf_counter_ns()]
        for _ in range(REFERENCE_CALLS):
            multiply()
            marks_ns.append(time.perf_counter_ns())
        return [end_ns - begin_ns for begin_ns, end_ns in pairwise(marks_ns)]
    spin, outlasts = 4 * SPIN_CYCLES, False
    while not outlasts and spin <= MAX_SPIN_CYCLES:
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda._sleep(spin)
        start.record()
        for _ in range(REFERENCE_CALLS):
            multiply()
        end.record()
        outlasts, spin = not start.query(), 2 * spin
        synchronise()
    return [round(start.elapsed_time(end) * 1e6 / REFERENCE_CALLS)]


class TimeLimit:
    """Says whether there is time for more calls as long as the last one.

    `refused` says that there was none for a call that was wanted.
    """

    def __init__(self, limit_s: float) -> None:
        self.refused = False
        self._asked_s = time.perf_counter()
        self._end_s = self._asked_s + limit_s

    def allows(self, calls: int = 1) -> bool:
        """Whether so many more calls end in time, after one since this was asked before."""
        before_s, self._asked_s = self._asked_s, time.perf_counter()
        if self._asked_s + calls * (self._asked_s - before_s) < self._end_s:
            return True
        self.refused = True
        return False


def warm_up(pool: Pool, tokens: int, limit: TimeLimit) -> None:
    """Check the inputs, then make WARMUP_CALLS or more, up to MAX_WARMUP_CALLS or WARMUP_S.

    A limit of time takes these calls before the timed ones.
    """
    check_inputs(pool, tokens)
    calls, begin_s = 1, time.perf_counter()
    while (
        calls < WARMUP_CALLS
        or (calls < MAX_WARMUP_CALLS and time.perf_counter() - begin_s < WARMUP_S)
    ) and limit.allows(1 + MIN_CALLS):
        call(pool, tokens, None)
        calls += 1


def measure(pool: Pool, tokens: int, repeat: int, limit_s: float = math.inf) -> dict[str, Any]:
    """Time one size: warm up, then MIN_CALLS calls or more, up to MAX_CALLS or POINT_S.

    One call is timed in any case; `cut_short` says that there was no time for all others.
    """
    key = KEY.replace("{tokens}", str(tokens))
    raise_clock()
    reference_ns = reference_times()
    limit = TimeLimit(limit_s)
    warm_up(pool, tokens, limit)
    calls_ns: list[int] = []
    started_utc_ns, begin_s = time.time_ns(), time.perf_counter()
    with profiler_range(key):
        while not calls_ns or (
            len(calls_ns) < MIN_CALLS
            or (len(calls_ns) < MAX_CALLS and time.perf_counter() - begin_s < POINT_S)
        ) and limit.allows():
            calls_ns.append(call(pool, tokens, f"{key}#{repeat}.{len(calls_ns)}"))
    ended_utc_ns = time.time_ns()
    device_ns, launches_ns = ([], []) if limit.refused else device_times(pool, tokens)
    reference_ns += [] if limit.refused else reference_times()
    return {
        "scenario_key": key,
        "visit": repeat,
        "calls": len(calls_ns),
        "calls_ns": calls_ns,
        "started_utc_ns": started_utc_ns,
        "ended_utc_ns": ended_utc_ns,
        "device_ns": device_ns,
        "launch_ns": round(statistics.median(launches_ns)) if launches_ns else None,
        "cut_short": limit.refused,
        "reference_ns": reference_ns,
    }


# Steady loads, for power sensors.


class Requests:
    """Lines of stdin, read without a buffer of Python's: select then sees every waiting line."""

    def __init__(self) -> None:
        self._text = b""
        self._answers = int(os.environ.get("MOEPROF_ANSWERS_FD", "1"))
        if self._answers > 2:
            os.set_inheritable(self._answers, False)

    def next(self) -> str | None:
        """Wait for a line; None at the end of the input."""
        while b"\n" not in self._text:
            piece = os.read(0, 1 << 16)
            if not piece:
                last, self._text = self._text, b""
                return last.decode() or None
            self._text += piece
        line, _, self._text = self._text.partition(b"\n")
        return line.decode()

    def answer(self, answer: dict[str, Any]) -> None:
        """Answer with a line of JSON, past sys.stdout, which an operation may use or replace."""
        text = json.dumps(answer).encode() + b"\n"
        while text:
            text = text[os.write(self._answers, text) :]

    def waiting(self) -> bool:
        """Whether a line, or the end of the input, can be read now."""
        return b"\n" in self._text or bool(select.select([0], [], [], 0)[0])


@dataclass
class Replays:
    """A load: `runs` to be repeated in turn, each of which makes `calls` calls in `replay_s`.

    `rotated_bytes` is how much of the pool they walk through. `eager_reason` says why calls are
    launched one by one; None if each run is a CUDA graph.
    """

    runs: list[Callable[[], None]]
    calls: int
    replay_s: float
    rotated_bytes: int
    eager_reason: str | None


def one_by_one(inputs: list[Any]) -> Callable[[], None]:
    """Return a replay that launches one call on each of `inputs`."""

    def replay() -> None:
        for each in inputs:
            run(*each)
        end_copies()

    return replay


def captured(replay: Callable[[], None]) -> Callable[[], None]:
    """Capture a replay as a CUDA graph. The result keeps the inputs, whose addresses it holds."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        replay()

    def again(kept: Callable[[], None] = replay) -> None:
        graph.replay()

    again()
    return again


def uncaptured(error: Exception) -> str:
    """Return why nothing was captured, once the device is ready again."""
    synchronise()
    return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"


def seconds(replay: Callable[[], None]) -> float:
    """Time one replay until the device has finished, after one replay to warm up."""
    replay()
    synchronise()
    begin_s = time.perf_counter()
    replay()
    synchronise()
    return time.perf_counter() - begin_s


def prepare(pool: Pool, tokens: int) -> Replays:
    """Prepare replays of about REPLAY_S each, which walk through the whole pool if COLD.

    If MAX_LOAD_CALLS of its calls fit into the cache, they are hot however long the walk is: then
    there is one replay.
    """

    def inputs(count: int) -> list[Any]:
        if not COLD:
            pool.rewind()
            return [make_inputs(pool.take, tokens, **DIMENSIONS)] * count
        return [make_inputs(pool.take, tokens, **DIMENSIONS) for _ in range(count)]

    first = inputs(1)
    call_s = seconds(one_by_one(first))
    trial = inputs(max(1, min(16, int(REPLAY_S / call_s))))
    eager_reason: str | None = "there are no CUDA graphs on a CPU"
    if DEVICE != "cpu":
        try:
            call_s, eager_reason = seconds(captured(one_by_one(trial))) / len(trial), None
        except Exception as error:  # an operation may synchronise or copy to the host
            eager_reason = uncaptured(error)
    if eager_reason is not None:
        call_s = seconds(one_by_one(trial)) / len(trial)
    calls = max(1, min(MAX_LOAD_CALLS, round(REPLAY_S / call_s)))
    call_bytes = sum(x.nbytes for x in tensors(first[0])) or 1
    is_cold = COLD and call_bytes * MAX_LOAD_CALLS >= CACHE_BYTES
    walk = min(MAX_LOAD_CALLS, -(-POOL_BYTES // call_bytes)) if is_cold else 1
    count = -(-walk // calls)
    runs = [one_by_one(inputs(calls)) for _ in range(count)]
    if eager_reason is None:
        runs = [captured(replay) for replay in runs]
    rotated_bytes = min(POOL_BYTES, call_bytes * calls * count) if COLD else call_bytes
    return Replays(runs, calls, calls * call_s, rotated_bytes, eager_reason)


def prepare_reference() -> Replays:
    """Prepare replays of the reference, which is the same for every operation."""
    product = square_product(REFERENCE_SIDE)

    def multiply(times: int = 1) -> None:
        for _ in range(times):
            product()

    call_s = seconds(multiply)
    calls = max(1, min(MAX_LOAD_CALLS, round(REPLAY_S / call_s)))
    call_s = seconds(lambda: multiply(calls)) / calls
    replay: Callable[[], None] = partial(multiply, calls)
    eager_reason: str | None = "a CPU has no CUDA graphs"
    if DEVICE != "cpu":
        try:
            replay, eager_reason = captured(replay), None
        except Exception as error:  # as where a driver or a tool refuses all captures
            eager_reason = uncaptured(error)
    return Replays([replay], calls, calls * call_s, product().nbytes, eager_reason)


def begin(requests: Requests) -> int:
    """Answer that a load begins; return its time on CLOCK_MONOTONIC, ns."""
    synchronise()
    begin_ns = time.monotonic_ns()
    requests.answer({"begin_ns": begin_ns})
    return begin_ns


class LaunchCounts:
    """How many launches had ended at which time; entries are at least COUNT_S apart."""

    def __init__(self, begin_ns: int) -> None:
        self._last = (begin_ns, 0)
        self.times_ns, self.launches = [begin_ns], [0]

    def add(self, time_ns: int, launches: int) -> None:
        """Record that `launches` more had ended at `time_ns`."""
        self._last = (time_ns, self._last[1] + launches)
        if time_ns - self.times_ns[-1] >= COUNT_S * 1e9:
            self._append_last()

    def end(self) -> dict[str, Any]:
        """Return all entries and the final count."""
        if self._last[0] > self.times_ns[-1]:
            self._append_last()
        return {"marks_ns": self.times_ns, "launches": self.launches}

    def _append_last(self) -> None:
        self.times_ns.append(self._last[0])
        self.launches.append(self._last[1])


def load_cpu(replays: Replays, requests: Requests) -> dict[str, Any]:
    """Run replays on the CPU. `duty` is the share of the time in which this thread ran."""
    begin_ns = begin(requests)
    counts, ran_ns, now_ns = LaunchCounts(begin_ns), time.thread_time_ns(), begin_ns
    for replay in cycle(replays.runs):
        replay()
        now_ns = time.monotonic_ns()
        counts.add(now_ns, replays.calls)
        if requests.waiting() or now_ns - begin_ns >= LOAD_S * 1e9:
            break
    ran_ns = time.thread_time_ns() - ran_ns
    return counts.end() | {"duty": min(1.0, ran_ns / (now_ns - begin_ns))}


def load_gpu(replays: Replays, requests: Requests) -> dict[str, Any]:
    """Run replays on the GPU, with QUEUED_S of them queued.

    `duty` is the share of the time inside replays, at most the share of replays that were queued
    before the previous one had ended. CUDA events give the end of each replay. They are placed on
    the host's clock by the first event; the two clocks drift by a few millionths.
    """

    def event() -> torch.cuda.Event:
        made = torch.cuda.Event(enable_timing=True)
        made.record()
        return made

    ahead = max(2, min(500, round(QUEUED_S / replays.replay_s)))
    runs, queued = cycle(replays.runs), deque[tuple[torch.cuda.Event, torch.cuda.Event]]()
    origin = event()
    begin_ns = begin(requests)
    counts, busy_ms, ended_ms, stopping = LaunchCounts(begin_ns), 0.0, 0.0, False
    made, late = 0, -1  # the first replay has none before it, and is not late
    while queued or not stopping:
        stopping = stopping or requests.waiting()
        stopping = stopping or time.monotonic_ns() - begin_ns >= LOAD_S * 1e9
        if not stopping:
            late += not queued or queued[-1][1].query()
            made += 1
            start = event()
            next(runs)()
            queued.append((start, event()))
        if queued and (stopping or len(queued) > ahead):
            start, end = queued.popleft()
            end.synchronize()
            busy_ms += start.elapsed_time(end)
            ended_ms = origin.elapsed_time(end)
            counts.add(begin_ns + round(ended_ms * 1e6), replays.calls)
    duty = min(busy_ms / ended_ms, 1 - late / made) if ended_ms else None
    return counts.end() | {"duty": duty}


def load_nothing(requests: Requests) -> dict[str, Any]:
    """Keep the process and its CUDA context idle."""
    begin_ns = now_ns = begin(requests)
    while not requests.waiting() and now_ns - begin_ns < LOAD_S * 1e9:
        time.sleep(COUNT_S)
        now_ns = time.monotonic_ns()
    return {"marks_ns": [begin_ns, now_ns], "launches": [0, 0]}


def load(pool: Pool, requests: Requests, kind: str, *numbers: str) -> dict[str, Any]:
    """Run the load that a request names, until it ends; return its answer."""
    size, repeat = (numbers[:1], numbers[1:]) if kind == "load" else ((), numbers)
    result = {"kind": kind, "scenario_key": None, "visit": int(*repeat or "0")}
    if kind == "idle":
        return result | load_nothing(requests)
    if kind == "load":
        tokens = checked(int(*size))
        result |= {"kind": "operation", "scenario_key": KEY.replace("{tokens}", str(tokens))}
    replays = prepare(pool, tokens) if kind == "load" else prepare_reference()
    result |= {
        "replay_s": replays.replay_s,
        "rotated_bytes": replays.rotated_bytes,
        "eager_reason": replays.eager_reason,
    }
    return result | (load_cpu if DEVICE == "cpu" else load_gpu)(replays, requests)


def checked(tokens: int) -> int:
    """Raise ValueError unless `tokens` is a batch size."""
    if tokens < 1:
        raise ValueError(f"the batch size is {tokens}, and it must be at least 1")
    return tokens


def answer(pool: Pool, requests: Requests, line: str) -> dict[str, Any]:
    """Answer one request. A request that fails is answered with its error."""
    try:
        words = line.split()
        if words and words[0] in ("load", "reference", "idle"):
            return load(pool, requests, *words)
        tokens, repeat, limit_s = (*words, *("0", "inf")[len(words) - 1 :])
        return measure(pool, checked(int(tokens)), int(repeat), float(limit_s))
    except BaseException as error:  # out of memory, a kernel that does not compile, sys.exit()
        synchronise()  # a broken CUDA context raises here and ends the process: a new one works
        if DEVICE != "cpu":
            torch.cuda.empty_cache()
        reason = next(iter(str(error).splitlines()), "")
        return {"error": f"{type(error).__name__}: {reason}"}


def serve(pool: Pool) -> None:
    """Answer requests from stdin until it ends. A "stop" after the end of a load has no answer."""
    requests = Requests()
    ready = {"ready": True, "protocol": PROTOCOL, "torch": torch.__version__, "device": DEVICE}
    requests.answer(ready)
    while (line := requests.next()) is not None:
        if line != "stop":
            requests.answer(answer(pool, requests, line))


def show(pool: Pool, tokens: int) -> None:
    """Measure one size and print it."""
    times_us = [time_ns / 1000 for time_ns in measure(pool, tokens, 0)["calls_ns"]]
    low, middle, high = statistics.quantiles(times_us, n=4)
    print(
        f"dequant_linear b={tokens}: {middle:.1f} us, quartiles {low:.1f} to {high:.1f}"
        f" over {len(times_us)} calls"
    )


def work(arguments: argparse.Namespace) -> None:
    """Answer requests, or measure the sizes of the command line."""
    pool = Pool()
    if arguments.serve:
        serve(pool)
        return
    for size in map(int, arguments.sizes.split(",")):
        show(pool, size)


def write_trace(profiler: torch.profiler.profile, path: str) -> None:
    """Write a trace as JSON, or in gzip by its name: torch's own level 9 takes seven times level 1."""
    if not path.endswith(".gz"):
        profiler.export_chrome_trace(path)
        return
    plain = path.removesuffix(".gz")
    profiler.export_chrome_trace(plain)
    with open(plain, "rb") as whole, gzip.open(path, "wb", compresslevel=1) as packed:
        shutil.copyfileobj(whole, packed)
    os.remove(plain)


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="batch sizes by comma")
    parser.add_argument("--serve", action="store_true", help="answer requests from stdin")
    parser.add_argument("--kineto", metavar="FILE", help="write a trace of torch.profiler")
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    if DEVICE != "cpu":
        torch.cuda.set_device(DEVICE)
    with torch.inference_mode():
        if arguments.kineto:
            # torch 2.11 warns that events of an earlier cycle are lost, and there is one cycle. With
            # acc_events, which keeps them, torch makes each an object of Python: that takes 50
            # times as long as writing it.
            warnings.filterwarnings("ignore", message="(?s).*acc_events")
            with torch.profiler.profile() as profiler:
                work(arguments)
            write_trace(profiler, arguments.kineto)
        else:
            work(arguments)
    if arguments.serve:
        Requests().answer({"ended": True})


if __name__ == "__main__":
    main()
