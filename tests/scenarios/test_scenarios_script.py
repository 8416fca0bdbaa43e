"""The isolated script: its text, its inputs, its timing, and its loads on a fake clock."""

import ast
import gzip
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import msgspec
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.scenarios.catalogue import CATALOGUE, find_ops
from moeprof.scenarios.operation import Operation
from moeprof.scenarios.preset import Preset, load_preset
from moeprof.scenarios.script import MAX_CALLS, MIN_CALLS, PROTOCOL, REFERENCE_CALLS, render_script
from moeprof.store.recording import Load, PointTiming, call_range
from moeprof.tests.builders import plan_run
from moeprof.tests.scenarios.fake_cuda import FakeGpu
from moeprof.tests.scenarios.fake_time import FakeTime

SMALL = load_preset("small")
CACHE_BYTES = 1 << 20
SIZES = (1, 2, 3, 4)

each_operation = pytest.mark.parametrize(
    "operation", CATALOGUE, ids=lambda operation: operation.name
)


def a_script(words: str, preset: Preset = SMALL, **choices: Any) -> str:
    """Script of the one operation that `words` names."""
    (found,) = find_ops(words)
    plan = plan_run([found], SIZES, preset, **choices)
    return render_script(found.operation, preset, plan, plan.ops[0], CACHE_BYTES)


def run(folder: Path, script: str, *arguments: str, stdin: str = "") -> list[str]:
    """Run a script from its own folder, to its end; return its lines."""
    path = folder / "script.py"
    path.write_text(script)
    environment = os.environ | {"PYTHONSAFEPATH": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "error", str(path), *arguments],
        input=stdin,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def names_of(script: str) -> dict[str, Any]:
    """What a script defines when it is loaded, without running it."""
    names: dict[str, Any] = {"__name__": "isolated"}
    exec(compile(script, "script.py", "exec"), names)
    return names


# Its text, and the ranges that it opens


def test_without_the_package_nvtx_it_measures_a_cpu_without_ranges(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "nvtx", None)
    names = names_of(a_script("gelu"))
    timing = names["measure"](names["Pool"](), 1, 0)
    assert timing["calls"] >= MIN_CALLS


def test_on_a_gpu_torch_opens_its_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(torch.cuda.nvtx, "range_push", opened.append)
    monkeypatch.setattr(torch.cuda.nvtx, "range_pop", lambda: None)
    names = names_of(a_script("gelu").replace('DEVICE = "cpu"', 'DEVICE = "cuda:0"'))
    with names["profiler_range"]("gelu-b1#0.0"):
        pass
    assert opened == ["gelu-b1#0.0"]


@each_operation
def test_it_imports_nothing_of_moeprof_but_its_kernel(operation: Operation) -> None:
    tree = ast.walk(ast.parse(a_script(operation.name)))
    imported = {
        alias.name if isinstance(node, ast.Import) else str(node.module)
        for node in tree
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    others = {name for name in imported if name.partition(".")[0] not in sys.stdlib_module_names}
    kernels = {line.split()[1] for line in operation.imports}
    assert others == {"nvtx", "torch"} | kernels
    assert all(name.startswith("moeprof.kernels.") for name in kernels)


@each_operation
def test_it_holds_the_operation_as_it_stands_in_its_file(operation: Operation) -> None:
    source = Path(sys.modules[operation.run.__module__].__file__ or "").read_text()
    script = a_script(operation.name)
    for name in ("make_inputs", "run"):
        assert function_text(script, name) == function_text(source, name)


def function_text(source: str, name: str) -> str:
    defined = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    (node,) = (node for node in defined if node.name == name)
    return ast.get_source_segment(source, node) or ""


@each_operation
def test_it_contains_no_path_of_this_machine(operation: Operation) -> None:
    script = a_script(operation.name)
    assert not re.search(r"""["'\s=]/\w""", script)
    assert str(Path.home()) not in script
    assert str(Path(__file__).parents[2]) not in script


@each_operation
def test_its_constants_are_those_of_the_plan(operation: Operation) -> None:
    names = names_of(a_script(operation.name, seed=5, threads=2, l2="hot"))
    assert (names["SEED"], names["THREADS"], names["COLD"]) == (5, 2, False)
    assert (names["DTYPE"], names["DEVICE"]) == (torch.float32, "cpu")
    assert names["DIMENSIONS"] == operation.sizes(SMALL)
    assert names["SIZES"] == list(SIZES)
    for tokens in SIZES:
        key = names["KEY"].replace("{tokens}", str(tokens))
        assert key == operation.scenario(SMALL, tokens, "float32", "hot").key


@each_operation
def test_inputs_are_bounded_by_those_of_two_calls(operation: Operation) -> None:
    largest = operation.scenario(SMALL, SIZES[-1], "float32", "cold").bytes_moved
    names = names_of(a_script(operation.name))
    assert (names["LARGEST"], names["WALK_BYTES"]) == (SIZES[-1], 5 * CACHE_BYTES)
    assert names["MOST_BYTES"] == max(5 * CACHE_BYTES, 2 * largest)


def test_an_unknown_cache_is_assumed_and_said_to_be() -> None:
    (found,) = find_ops("gelu")
    plan = plan_run([found], SIZES, SMALL)
    script = render_script(found.operation, SMALL, plan, plan.ops[0], cache_bytes=None)
    assert "assumed" in script
    assert names_of(script)["WALK_BYTES"] == 5 * (64 << 20)


USERS_FILE = '''
r\'\'\'An operation whose text is hard to quote: C:\\users, $name, """, \\N.\'\'\'

import torch

from moeprof.scenarios.operation import Operation


def inputs(take, tokens, hidden):
    return (take((tokens, hidden)),)


def twice(x):
    return 2 * x


TWICE = Operation(
    name="twice",
    make_inputs=inputs,
    run=twice,
    flops=lambda tokens, preset: tokens * preset.hidden,
    bytes_moved=lambda tokens, preset, dtype_bytes: 2 * tokens * preset.hidden * dtype_bytes,
)
'''


def test_functions_of_other_names_and_any_docstring_are_rendered(tmp_path: Path) -> None:
    path = tmp_path / "hard.py"
    path.write_text(USERS_FILE)
    names = names_of(a_script(str(path)))
    assert names["run"](torch.ones(2)).tolist() == [2.0, 2.0]
    assert names["make_inputs"] is names["inputs"]
    assert 'C:\\users, $name, """, \\N.' in names["__doc__"]


# Its inputs


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.int32])
def test_inputs_are_random_and_not_zero(dtype: torch.dtype) -> None:
    taken = names_of(a_script("fc1"))["Pool"]().take((512, 512), dtype)
    assert taken.dtype == dtype
    assert (taken == 0).double().mean() < 1e-3
    assert taken.unique().numel() > 1000


def test_inputs_are_standard_normal_and_the_bits_of_integers_even() -> None:
    pool = names_of(a_script("fc1"))["Pool"]()
    normal = pool.take((1000, 1000))
    assert (normal.mean().item(), normal.std().item()) == pytest.approx((0, 1), abs=0.01)
    words = pool.take((100_000,), torch.int32)
    shares = [((words >> bit) & 1).double().mean().item() for bit in range(32)]
    assert shares == pytest.approx([0.5] * 32, abs=0.02)


def test_the_seed_decides_the_inputs() -> None:
    def first_of(seed: int) -> torch.Tensor:
        taken: torch.Tensor = names_of(a_script("fc1", seed=seed))["Pool"]().take((64, 64))
        return taken

    assert torch.equal(first_of(1), first_of(1))
    assert not torch.equal(first_of(1), first_of(2))


def spans_of(inputs: Any) -> list[tuple[int, int]]:
    """Where the tensors among inputs lie, and where they end."""
    return [(x.data_ptr(), x.data_ptr() + x.nbytes) for x in inputs]


def test_consecutive_inputs_do_not_overlap() -> None:
    names = names_of(a_script("fc1"))
    pool = names["Pool"]()
    calls = [names["next_inputs"](pool, 3) for _ in range(20)]
    for before, now in pairwise(calls):
        spans = sorted(spans_of((*before, *now)))
        assert all(end <= start for (_, end), (start, _) in pairwise(spans))


@settings(max_examples=40, deadline=None)
@given(calls=st.lists(st.lists(st.integers(1, 1 << 16), min_size=1, max_size=4), max_size=5))
def test_what_is_read_again_was_read_five_caches_ago(calls: list[list[int]]) -> None:
    """Whatever sizes follow each other, and a call that is larger than five caches itself."""
    pool, walk = a_small_pool(), 1 << 18
    place, earlier, kept = 0, list[tuple[int, int, int]](), list[torch.Tensor]()
    for elements in (one for one in calls for _ in range(4)):
        pool.begin_call()
        for taken in [pool.take((count,)) for count in elements]:
            kept.append(taken)  # so that no memory is given twice
            start, end = spans_of([taken])[0]
            again = [place - start - of for low, high, of in earlier if low < end and start < high]
            assert min(again, default=walk) >= walk
            earlier.append((start, end, place - start))
            place += -(-taken.nbytes // pool.ALIGNMENT_BYTES) * pool.ALIGNMENT_BYTES


def a_small_pool() -> Any:
    """A pool whose five caches are 256 KiB, in blocks of 16 KiB."""
    names = names_of(a_script("fc1"))
    names |= {"WALK_BYTES": 1 << 18, "MOST_BYTES": 1 << 30}
    names["Pool"].BLOCK_BYTES = 1 << 14
    return names["Pool"]()


def test_the_pool_holds_of_each_kind_of_data_five_caches_and_what_a_call_takes_of_it() -> None:
    """Scales are a small part of packed weights, and had a pool as large as theirs."""
    names = names_of(a_script("dequant_linear"))
    names["Pool"].BLOCK_BYTES, pool = 1 << 12, names["Pool"]()
    names["make_room"](pool, SIZES[-1])
    x, weights = names["next_inputs"](pool, 1)
    assert x.shape[0] == 1
    for one, call_bytes in (
        (x, SIZES[-1] * x.nbytes), (weights.packed, weights.packed.nbytes),
        (weights.scales, weights.scales.nbytes),
    ):  # fmt: skip
        held = one.untyped_storage().nbytes()
        assert 0 <= held - call_bytes - 5 * CACHE_BYTES < (1 << 20)


def test_inputs_that_need_data_to_be_made_let_the_pool_grow_when_they_are() -> None:
    script = a_script("relu").replace("return (take(", "return (float(take((1,))) * take(")
    names = names_of(script)
    pool = names["Pool"]()
    names["make_room"](pool, 4)
    (x,) = names["next_inputs"](pool, 4)
    assert x.shape == (4, 1024)


def test_a_pool_that_memory_cannot_hold_fails_the_largest_sizes_alone() -> None:
    names = names_of(a_script("relu"))
    pool = names["Pool"]()
    names["make_room"](pool, 100_000_000)
    assert names["next_inputs"](pool, 4)[0].shape == (4, 1024)
    with pytest.raises(ValueError, match="bytes of at most"):
        names["next_inputs"](pool, 100_000_000)


def test_more_than_the_operation_counts_is_refused() -> None:
    with pytest.raises(ValueError, match="takes 4000002048 bytes of at most"):
        names_of(a_script("fc1"))["Pool"]().take((1_000_000_000,))


@pytest.mark.parametrize(
    "changes", ["torch.relu_(x)", "x.copy_(x.flip(1))", "x.add_(0).fill_(float('nan'))"]
)
def test_an_operation_that_changes_its_inputs_fails_and_says_so(changes: str) -> None:
    names = names_of(a_script("relu").replace("torch.relu(x)", changes))
    with pytest.raises(ValueError, match="run changes its inputs"):
        names["check_inputs"](names["Pool"](), 2)


def test_inputs_of_nan_count_as_unchanged() -> None:
    script = a_script("relu").replace("return (take(", "return (float('nan') * take(")
    assert "float('nan')" in script
    names = names_of(script)
    names["check_inputs"](names["Pool"](), 4)


@pytest.mark.parametrize(("l2", "places"), [("cold", 5), ("hot", 1)])
def test_cold_calls_walk_through_the_pool_and_hot_ones_stay(l2: str, places: int) -> None:
    names = names_of(a_script("relu", l2=l2))
    seen: list[int] = []
    names["run"] = lambda x: seen.append(x.data_ptr())
    pool = names["Pool"]()
    for _ in range(5):
        names["call"](pool, 4, None)
    assert len(set(seen)) == places


# It runs


def test_by_hand_it_measures_the_sizes_asked_for(tmp_path: Path) -> None:
    lines = run(tmp_path, a_script("gelu"), "--sizes", "1,4")
    for line, tokens in zip(lines, (1, 4), strict=True):
        assert re.fullmatch(
            rf"gelu b={tokens}: \d+\.\d us, quartiles \d+\.\d to \d+\.\d over \d+ calls", line
        )


@pytest.mark.parametrize(("op", "l2"), [("dequant_linear", "cold"), ("gelu", "hot")])
def test_with_serve_it_answers_each_line(op: str, l2: Any, tmp_path: Path) -> None:
    requests = ["4 0", "nonsense", "0", "-2 0", "", "1 2 3 4", "4 1 60", "1"]
    ready, *answers, ended = map(
        json.loads, run(tmp_path, a_script(op, l2=l2), "--serve", stdin="\n".join(requests) + "\n")
    )
    assert (ready["ready"], ended) == (True, {"ended": True})
    assert ready["protocol"] == PROTOCOL
    assert (ready["device"], ready["torch"]) == ("cpu", torch.__version__)
    assert len(answers) == len(requests)
    assert ["error" in answer for answer in answers] == [False, *[True] * 5, False, False]
    assert answers[2]["error"] == "ValueError: the batch size is 0, and it must be at least 1"
    (operation,) = (found.operation for found in find_ops(op))
    for index, tokens, repeat in ((0, 4, 0), (6, 4, 1), (7, 1, 0)):
        timing = msgspec.convert(answers[index], PointTiming)
        assert timing.scenario_key == operation.scenario(SMALL, tokens, "float32", l2).key
        assert timing.visit == repeat
        assert MIN_CALLS <= timing.calls == len(timing.calls_ns) <= MAX_CALLS
        assert min(timing.calls_ns) > 0
        assert timing.started_utc_ns + sum(timing.calls_ns) <= timing.ended_utc_ns + 1_000_000


@pytest.mark.parametrize(("name", "opened"), [("trace.json", open), ("trace.json.gz", gzip.open)])
def test_under_torch_profiler_each_call_has_its_range(
    tmp_path: Path, name: str, opened: Callable[..., IO[str]]
) -> None:
    arguments = ("--serve", "--kineto", name)
    _, answer, _ = map(json.loads, run(tmp_path, a_script("relu"), *arguments, stdin="2 3\n"))
    with opened(tmp_path / name, "rt") as file:
        events = json.load(file)["traceEvents"]
    assert [path.name for path in tmp_path.glob("trace*")] == [name]
    marked = [event["name"] for event in events if event.get("cat") == "user_annotation"]
    key = answer["scenario_key"]
    assert key in marked
    calls = [name for name in marked if name != key]
    assert calls == [call_range(key, 3, number) for number in range(answer["calls"])]


# It ends in time


def timed_within(call_s: float, limit_s: float) -> tuple[PointTiming, float]:
    """What a visit answers that has `limit_s`, and how long it took."""
    script = Script("relu", call_s)
    requests = Requests(script.clock, (0, f"4 0 {limit_s}"))
    began_s = script.clock.monotonic()
    (answer,) = script.serve(requests)
    return msgspec.convert(answer, PointTiming), script.clock.monotonic() - began_s


@pytest.mark.parametrize(
    ("limit_s", "calls", "cut_short"),
    [(30, 5, False), (16.5, 5, False), (12.5, 5, True), (8.5, 3, True), (5, 1, True), (3, 1, True)],
)
def test_a_slow_visit_ends_in_time_and_keeps_what_it_has(
    limit_s: float, calls: int, cut_short: bool
) -> None:
    timing, took_s = timed_within(2.0, limit_s)
    assert (timing.calls, timing.cut_short) == (calls, cut_short)
    assert len(timing.reference_ns) == REFERENCE_CALLS * (1 if cut_short else 2)
    assert took_s <= max(limit_s, 2 * 2.0)  # the inputs are checked, and one call is timed


def test_a_visit_that_has_time_is_not_cut_short() -> None:
    timing, _ = timed_within(1e-3, 5.0)
    assert not timing.cut_short
    assert timing.launch_ns is None  # on a CPU


# It holds a steady load


class Script:
    """A script on a fake clock: each call of its operation takes `call_s`."""

    def __init__(self, words: str, call_s: float = 0.001) -> None:
        self.clock = FakeTime()
        self.names = names_of(a_script(words))
        operation = self.names["run"]

        def run(*inputs: object) -> object:
            self.clock.advance(call_s)
            return operation(*inputs)

        self.names |= {"time": self.clock, "run": run}

    def serve(self, requests: "Requests") -> list[Any]:
        """All answers, without the one that says that it is ready."""
        self.names["Requests"] = lambda: requests
        self.names["serve"](self.names["Pool"]())
        return requests.answers[1:]


class Requests:
    """Lines of stdin, the next of which is there when the clock shows its time, s after the start.

    A line that is waited for arrives at its time.
    """

    def __init__(self, clock: FakeTime, *lines: tuple[float, str]) -> None:
        self._clock = clock
        self._start_s = clock.monotonic()
        self._lines = list(lines)
        self.answers: list[Any] = []

    def answer(self, answer: Any) -> None:
        self.answers.append(answer)

    def next(self) -> str | None:
        if not self._lines:
            return None
        at_s, line = self._lines.pop(0)
        self._clock.advance(max(0.0, self._start_s + at_s - self._clock.monotonic()))
        return line

    def waiting(self) -> bool:
        return self._clock.monotonic() - self._start_s >= (self._lines or [(0.0, "")])[0][0]


def test_a_load_runs_until_stop_and_counts_its_launches() -> None:
    script = Script("fc1")
    requests = Requests(script.clock, (0, "load 4 1"), (0.5, "stop"), (1, "idle 1"), (2, "stop"))
    begun, answer, idling, idle = script.serve(requests)
    load = msgspec.convert(answer, Load)
    (operation,) = (found.operation for found in find_ops("fc1"))
    assert load.scenario_key == operation.scenario(SMALL, 4, "float32", "cold").key
    assert (load.kind, load.visit) == ("operation", 1)
    assert begun["begin_ns"] == load.marks_ns[0]
    assert 0.02 - 1e-9 <= min(b - a for a, b in pairwise(load.marks_ns[:-1])) / 1e9
    load_s = (load.marks_ns[-1] - load.marks_ns[0]) / 1e9
    assert load.launches[0] == 0
    assert load.launches[-1] == pytest.approx(load_s / 0.001)
    assert list(load.launches) == sorted(load.launches)
    assert load.duty == 1.0
    assert load.replay_s == pytest.approx(0.003)
    assert load.rotated_bytes == script.names["WALK_BYTES"]

    nothing = msgspec.convert(idle, Load)
    assert (nothing.kind, nothing.scenario_key, nothing.duty) == ("idle", None, None)
    assert (nothing.marks_ns[0], set(nothing.launches)) == (idling["begin_ns"], {0})
    assert (nothing.marks_ns[-1] - nothing.marks_ns[0]) / 1e9 == pytest.approx(1, abs=0.03)


def test_a_load_ends_by_itself_and_a_stop_that_comes_too_late_is_no_request() -> None:
    script = Script("relu")
    late = script.names["LOAD_S"] + 5
    requests = Requests(script.clock, (0, "load 2"), (late, "stop"), (late, "load 1 3"))
    _, first, _, second = script.serve(requests)
    assert (first["visit"], second["visit"]) == (0, 3)
    load_s = (first["marks_ns"][-1] - first["marks_ns"][0]) / 1e9
    assert load_s == pytest.approx(script.names["LOAD_S"], abs=0.01)


def test_a_stop_ends_a_load_of_a_process(tmp_path: Path) -> None:
    requests = "load 4 1\nstop\nidle 1\nstop\n"
    answers = map(json.loads, run(tmp_path, a_script("fc1"), "--serve", stdin=requests))
    _, begun, load, idling, idle, _ = answers
    assert begun["begin_ns"] == load["marks_ns"][0] < load["marks_ns"][-1]
    assert idling["begin_ns"] == idle["marks_ns"][0]


def test_an_invalid_load_is_answered_with_an_error() -> None:
    script = Script("relu")
    invalid = ("load", "load 0", "load x", "load 1 2 3", "load 100000000")
    requests = Requests(script.clock, *((0, line) for line in (*invalid, "1")))
    answers = script.serve(requests)
    assert ["error" in answer for answer in answers] == [True] * 5 + [False]


def test_a_failure_is_answered_and_the_next_size_is_measured() -> None:
    script = Script("relu")
    requests = Requests(script.clock, (0, "100000000 0"), (0, "1 0"))  # more than the pool holds
    failed, timed = script.serve(requests)
    assert "the operation takes 409600000000 bytes of at most" in failed["error"]
    assert timed["scenario_key"] == "relu-b1-1024-fp32-cold"


@pytest.mark.parametrize(("l2", "places"), [("cold", 5), ("hot", 1)])
def test_a_load_walks_through_the_pool_as_single_calls_do(l2: str, places: int) -> None:
    names = names_of(a_script("relu", l2=l2))
    seen: list[int] = []
    names["run"] = lambda x: seen.append(x.data_ptr())
    names["REPLAY_S"] = 1e-9
    replays = names["prepare"](names["Pool"](), 4)
    seen.clear()
    for replay in replays.runs[:5]:
        replay()
    assert len(seen) == 5 * replays.calls if l2 == "cold" else replays.calls
    assert len(set(seen)) == places


@pytest.mark.parametrize(("tokens", "is_hot"), [(1, True), (512, False)])
def test_a_load_whose_calls_all_fit_into_the_cache_is_prepared_once(
    tokens: int, is_hot: bool
) -> None:
    script = Script("topk", call_s=1e-4)
    script.names["CACHE_BYTES"] = 2 * CACHE_BYTES
    replays = script.names["prepare"](script.names["Pool"](), tokens)
    assert (len(replays.runs) == 1) == is_hot
    assert (replays.rotated_bytes < 2 * CACHE_BYTES) == is_hot


@pytest.mark.parametrize(("call_s", "calls"), [(0.05, 70), (1e-4, 330)])
def test_a_load_of_slow_calls_prepares_no_more_than_it_runs(call_s: float, calls: int) -> None:
    script = Script("relu", call_s=call_s)  # 320 calls walk through five caches
    replays = script.names["prepare"](script.names["Pool"](), 4)
    assert len(replays.runs) * replays.calls == calls
    assert calls * call_s <= script.names["LOAD_S"]


# A load on a simulated GPU


def gpu_load(gpu: FakeGpu, patch: pytest.MonkeyPatch, request: str) -> Load:
    """Run a load of relu on a simulated queue, until it ends by itself after 0.3 s."""
    names = names_of(a_script("relu"))
    pool = names["Pool"]()
    pool.take((1,))  # made on the CPU
    gpu.install(patch)
    names |= {"DEVICE": "cuda:0", "run": gpu.run, "LOAD_S": 0.3, "time": gpu.clock}
    requests = SimpleNamespace(waiting=lambda: False, answer=lambda answer: None)
    answer = names["load"](pool, requests, *request.split())
    return msgspec.convert(answer, Load)


def test_on_a_gpu_graphs_are_replayed_and_the_queue_never_drains(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    load = gpu_load(FakeGpu(FakeTime(), call_s=50e-6), monkeypatch, "load 4 1")
    assert load.eager_reason is None
    assert load.replay_s == pytest.approx(0.003, rel=0.01)
    assert load.duty == pytest.approx(1.0, abs=0.02)
    load_s = (load.marks_ns[-1] - load.marks_ns[0]) / 1e9
    assert 0.3 < load_s < 0.4
    assert load.launches[-1] * 50e-6 == pytest.approx(load_s, rel=0.01)
    assert list(load.launches) == sorted(load.launches)


def on_gpu(gpu: FakeGpu, patch: pytest.MonkeyPatch) -> tuple[dict[str, Any], Any]:
    """Names of a script of relu on a simulated GPU, and its pool."""
    names = names_of(a_script("relu"))
    pool = names["Pool"]()
    pool.take((1,))  # made on the CPU
    gpu.install(patch)
    names |= {"DEVICE": "cuda:0", "run": gpu.run, "time": gpu.clock}
    return names, pool


def device_times(gpu: FakeGpu, patch: pytest.MonkeyPatch) -> list[int]:
    names, pool = on_gpu(gpu, patch)
    times_ns: list[int] = names["device_times"](pool, 4)[0]
    return times_ns


def test_the_first_size_of_a_process_finds_a_gpu_that_is_awake(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gpu = FakeGpu(FakeTime(), call_s=5e-6, host_s=10e-6)
    names, _ = on_gpu(gpu, monkeypatch)
    took_s = []
    for _ in range(2):
        began_s = gpu.clock.monotonic()
        names["raise_clock"]()
        took_s.append(gpu.clock.monotonic() - began_s)
    assert took_s[0] >= 0.3
    assert took_s[1] == 0


@pytest.mark.parametrize("call_s", [2e-6, 1e-3])
def test_a_visit_of_a_gpu_makes_at_most_100_calls(
    monkeypatch: pytest.MonkeyPatch, call_s: float
) -> None:
    plan = plan_run(list(find_ops("relu")), SIZES, SMALL, device="cuda:0")
    (found,) = find_ops("relu")
    script = render_script(found.operation, SMALL, plan, plan.ops[0], CACHE_BYTES)
    names = names_of(script.replace('DEVICE = "cuda:0"', 'DEVICE = "cpu"'))
    pool = names["Pool"]()
    pool.take((1,))  # made on the CPU
    gpu, calls = FakeGpu(FakeTime(), call_s, host_s=3e-6), 0
    gpu.install(monkeypatch)

    def run(*inputs: object) -> None:
        nonlocal calls
        calls += 1
        gpu.run()

    names |= {"DEVICE": "cuda:0", "run": run, "time": gpu.clock}
    names["reference"] = lambda side: gpu.run
    names["profiler_range"] = lambda name: nullcontext()
    answer = names["measure"](pool, 4, 0)
    assert MIN_CALLS <= answer["calls"] == len(answer["calls_ns"]) <= 60
    assert answer["launch_ns"] == 3000
    assert calls <= 100


def test_a_short_kernel_is_timed_without_its_launch(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = FakeGpu(FakeTime(), call_s=5e-6, host_s=30e-6)
    assert device_times(gpu, monkeypatch) == [5000] * 10


@pytest.mark.parametrize("host_s", [0.0, 30e-6, 1e-3])
def test_the_reference_is_timed_without_its_launches(
    monkeypatch: pytest.MonkeyPatch, host_s: float
) -> None:
    gpu = FakeGpu(FakeTime(), call_s=5e-6, host_s=host_s)
    names, _ = on_gpu(gpu, monkeypatch)
    names["reference"] = lambda side: gpu.run
    assert names["reference_times"]() == [5000]


def test_launches_that_take_longer_than_the_spin_lengthen_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gpu = FakeGpu(FakeTime(), call_s=5e-6, host_s=2e-3)
    assert device_times(gpu, monkeypatch) == [5000] * 5  # for longer than DEVICE_S


def test_an_operation_that_waits_for_the_gpu_has_no_times_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Waiting(FakeGpu):
        def run(self, *inputs: object) -> None:
            super().run(*inputs)
            self.synchronize()

    assert device_times(Waiting(FakeTime(), call_s=5e-6), monkeypatch) == []


def test_where_capture_fails_calls_are_launched_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gpu = FakeGpu(FakeTime(), call_s=0.002, captures=False)
    load = gpu_load(gpu, monkeypatch, "load 4")
    assert load.eager_reason == "RuntimeError: operation not permitted when stream is capturing"
    assert load.duty is not None
    assert load.duty > 0.98


def test_a_gpu_that_waits_for_its_host_shows_in_the_duty(monkeypatch: pytest.MonkeyPatch) -> None:
    starved = FakeGpu(FakeTime(), call_s=50e-6, captures=False, host_s=200e-6)
    load = gpu_load(starved, monkeypatch, "load 4")
    assert load.duty is not None
    assert load.duty < 0.5
