"""Write a chrome trace as torch.profiler does, of a given size: one MoE layer after another.

Each step holds an annotation, Python functions, operators with shapes and call stacks, and kernels
with the runtime call and the flow events that link them; a third of the bytes are operators.
"""

import argparse
import gzip
import random
import re
from collections.abc import Iterator
from pathlib import Path

BASE_NS = 1_753_800_000_000_000_000
LAUNCHES_A_STEP = 12
HEAD = """{{
  "schemaVersion": 1,
  "deviceProperties": [
    {{"id": 0, "name": "synthetic", "totalGlobalMem": 150000000000, "numSms": 132}}
  ],
  "with_stack": 1, "record_shapes": 1,
  "displayTimeUnit": "ms",
  "baseTimeNanoseconds": {base_ns},
  "traceEvents": ["""
FOOT = """
  {{
    "name": "Record Window End", "ph": "i", "s": "g", "pid": "", "tid": "", "ts": {now}
  }}
  ],
  "traceName": "/tmp/trace.json"
}}
"""
SPAN = """
  {{
    "ph": "X", "cat": "{cat}", "name": "{name}", "pid": {pid}, "tid": {tid},
    "ts": {ts}, "dur": {dur},
    "args": {{
      {args}
    }}
  }},"""
FLOW = """
  {{
    "ph": "{ph}", "id": {id}, "pid": {pid}, "tid": {tid}, "ts": {ts},
    "cat": "ac2g", "name": "ac2g"{end}
  }},"""
STACK = ";".join(f"/usr/lib/python3/site-packages/moe/layer.py({n}): forward" for n in (3, 41, 90))
OPERATOR = (
    '"External id": {n},"Record function id": 0, "Concrete Inputs": ["", "", "", ""],'
    ' "Input type": ["c10::BFloat16", "c10::BFloat16", "", ""],'
    ' "Input Strides": [[4096, 1], [1, 4096], [], []],'
    ' "Input Dims": [[{tokens}, 4096], [4096, 14336], [], []], "Ev Idx": {n},'
    f' "Call stack": "{STACK}"'
)
KERNEL = (
    '"External id": {n},"queued": 0, "device": 0, "context": 1, "stream": 7, "correlation": {n},'
    ' "registers per thread": {registers}, "shared memory": 49152, "blocks per SM": 1.939394,'
    ' "warps per SM": 15.515152, "grid": [{tokens}, 2, 1], "block": [256, 1, 1],'
    ' "est. achieved occupancy %": 24'
)


class Clock:
    """Time in ns since the base; written in microseconds with three decimals."""

    def __init__(self, seed: int) -> None:
        self.now_ns = 1_000_000
        self._draw = random.Random(seed)

    def after(self, at_most_ns: int) -> int:
        """Advance by up to `at_most_ns` and return the new time."""
        self.now_ns += self._draw.randrange(100, at_most_ns)
        return self.now_ns


def microseconds(time_ns: int) -> str:
    """Text of a time as Kineto prints it."""
    return f"{time_ns // 1000}.{time_ns % 1000:03}"


def steps(seed: int) -> Iterator[str]:
    """Yield the events of one step after another, without an end."""
    clock, correlation, call = Clock(seed), 0, 0
    while True:
        tokens = 1 << call % 10
        began, parts = clock.after(5000), []
        for launch in range(LAUNCHES_A_STEP):
            correlation += 1
            parts.append(_launch(clock, correlation, tokens, launch))
        yield _span("user_annotation", f"fc1-b{tokens}#0.{call}", began, clock.after(3000) - began)
        yield from parts
        call += 1


def _span(
    cat: str, name: str, start_ns: int, length_ns: int, gpu: bool = False, args: str = ""
) -> str:
    where = {"pid": 0, "tid": 7} if gpu else {"pid": 4141, "tid": 4141}
    ts, dur = microseconds(start_ns), microseconds(length_ns)
    return SPAN.format(cat=cat, name=name, ts=ts, dur=dur, args=args or '"External id": 1', **where)


def _launch(clock: Clock, n: int, tokens: int, launch: int) -> str:
    """One operator called from Python: its functions, itself, its launch, the kernel, the flow."""
    began = clock.after(2000)
    called = clock.after(2000)
    ended = clock.after(3000)
    kernel = f"void moe::fc1_kernel<{launch}, cutlass::bfloat16_t>(float const*, int)"
    operator = OPERATOR.format(n=n, tokens=tokens)
    on_gpu = KERNEL.format(n=n, tokens=tokens, registers=64 + launch)
    flow = {"id": n, "ts": microseconds(called)}
    return "".join(
        (
            *(
                _span("python_function", f"moe/layer.py({line}): forward", began, ended - began,
                      args=f'"Python id": {n}, "Python parent id": {n - 1}, "Ev Idx": {n}')
                for line in (3, 41)
            ),
            *(
                _span("cpu_op", name, began, ended - began, args=operator)
                for name in ("aten::linear", "aten::addmm")
            ),
            _span("cuda_runtime", "cudaLaunchKernel", called, ended - called,
                  args=f'"External id": {n},"cbid": 211, "correlation": {n}'),
            FLOW.format(ph="s", pid=4141, tid=4141, end="", **flow),
            _span("kernel", kernel, ended + 2000, 1500 + launch, gpu=True, args=on_gpu),
            FLOW.format(ph="f", pid=0, tid=7, end=', "bp": "e"', **flow),
        )
    )  # fmt: skip


def write_trace(path: Path, size_bytes: int, seed: int, one_line: bool) -> None:
    """Write a trace of at least `size_bytes` of text as torch prints it, or that in one line.

    It is gzipped if its name ends in .gz.
    """
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt", encoding="utf-8") as file:
        for text in _texts(size_bytes, seed):
            file.write(re.sub(r"\n\s*", "", text) if one_line else text)


def _texts(size_bytes: int, seed: int) -> Iterator[str]:
    yield HEAD.format(base_ns=BASE_NS)
    length = 0
    for text in steps(seed):
        yield text
        length += len(text)
        if length >= size_bytes:
            break
    yield FOOT.format(now="9999999.000")


def main() -> None:
    """Write a trace as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--mb", type=float, default=280)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--one-line", action="store_true")
    given = parser.parse_args()
    write_trace(given.out, int(given.mb * 1e6), given.seed, given.one_line)


if __name__ == "__main__":
    main()
