"""The text of an isolated script: a program that contains one operation and runs it."""

import inspect
import json
import re
import textwrap
from collections.abc import Callable
from importlib import resources
from string import Template
from typing import TYPE_CHECKING, Any, Final

from ..store.plan import OpPlan, Plan
from .preset import Preset

if TYPE_CHECKING:
    from .operation import Operation  # it imports torch, which a parse does not need

# 6 had a pool of two of the largest calls for each kind of data; 5 had no reference beside a visit;
# 4 took no limit of time for a visit; 3 made twice as many calls in a visit; 2 had no reference
# load; 1 answered on stdout, among what was printed.
PROTOCOL: Final = 7

WARMUP_CALLS: Final = 3
WARMUP_S: Final = 0.02
MIN_CALLS: Final = 5
MAX_CALLS: Final = 180
REFERENCE_CALLS: Final = 8  # before a visit's calls, and as many after
POINT_S: Final = 0.07
DEVICE_CALLS: Final = 10  # timed by events of the GPU; as many more may be made in vain
LOAD_S: Final = 3.5  # longest load: a counter updated every 0.25 s needs 1.5 + 1.25 s

# Of a call on a GPU a profiler writes some 10 kB. With 20 that are timed by events, a visit there
# makes 100 calls at most.
_GPU_CALLS: Final = 60
_GPU_WARMUP_CALLS: Final = 20
_ENDLESS: Final = 1_000_000  # calls that no visit of a CPU reaches in WARMUP_S

_WALK_CACHES: Final = 5  # as flashinfer's benchmarks do, so that no input is still cached
_ASSUMED_CACHE_BYTES: Final = 64 << 20
_NAMED_PROTOCOL: Final = re.compile(rb"^PROTOCOL = ([0-9]{1,9})\b", re.MULTILINE)


def most_calls(device: str) -> int:
    """Maximum number of timed calls of a visit; `device` is "cpu" or "cuda:N"."""
    return MAX_CALLS if device == "cpu" else _GPU_CALLS


def most_warmup_calls(device: str) -> int:
    """Maximum number of calls before the timed ones, but for those that WARMUP_CALLS asks for."""
    return _ENDLESS if device == "cpu" else _GPU_WARMUP_CALLS


def render_script(
    operation: "Operation", preset: Preset, plan: Plan, op_plan: OpPlan, cache_bytes: int | None
) -> str:
    """Return the script of one operation; `cache_bytes` is the device's last-level cache.

    Inputs are views of a pool that holds, of each kind of data, five such caches and the inputs of
    one call at the largest batch size. An unknown cache counts as 64 MiB.
    """
    cache = _ASSUMED_CACHE_BYTES if cache_bytes is None else cache_bytes
    largest = operation.scenario(preset, op_plan.domain[-1], plan.dtype, plan.l2)
    key = operation.scenario(preset, 1, plan.dtype, plan.l2).key
    text = (resources.files(__package__) / "isolated.py.txt").read_text(encoding="utf-8")
    return Template(text).substitute(
        title=f"{operation.name} of the preset {preset.name}, by itself.",
        what_it_is=_what_it_is(operation),
        name=op_plan.op,
        protocol=PROTOCOL,
        imports="".join(f"{line}\n" for line in operation.imports),
        key=key.replace("-b1-", "-b{tokens}-", 1),
        sizes=sorted(op_plan.planned),
        dimensions=json.dumps(operation.sizes(preset)),
        dtype=plan.dtype,
        device=plan.device,
        threads=plan.threads,
        seed=plan.seed,
        cold=plan.l2 == "cold",
        largest=op_plan.domain[-1],
        walk_bytes=_WALK_CACHES * cache,
        walk_reason=_walk_reason(cache_bytes),
        most_bytes=max(_WALK_CACHES * cache, 2 * largest.bytes_moved),
        cache_bytes=cache,
        operation=_source(operation),
        warmup_calls=WARMUP_CALLS,
        max_warmup_calls=most_warmup_calls(plan.device),
        warmup_s=WARMUP_S,
        min_calls=MIN_CALLS,
        max_calls=most_calls(plan.device),
        point_s=POINT_S,
        device_calls=DEVICE_CALLS,
        reference_calls=REFERENCE_CALLS,
        load_s=LOAD_S,
    )


def is_of_other_protocol(script: bytes) -> bool:
    """Whether a script names no protocol, or another one than ours: it is generated anew."""
    named = _NAMED_PROTOCOL.search(script)
    return named is None or int(named[1]) != PROTOCOL


def _what_it_is(operation: "Operation") -> str:
    module = inspect.getmodule(operation.run)
    text = (inspect.getdoc(module) if module else None) or f"The operation {operation.name}."
    return text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')  # for a docstring


def _walk_reason(cache_bytes: int | None) -> str:
    if cache_bytes is None:
        return f"{_WALK_CACHES} caches of {_ASSUMED_CACHE_BYTES >> 20} MiB, assumed"
    return f"{_WALK_CACHES} last-level caches of {cache_bytes / 2**20:g} MiB"


def _source(operation: "Operation") -> str:
    """Source of `make_inputs` and `run`, bound to these names."""
    functions = {"make_inputs": operation.make_inputs, "run": operation.run}
    return "\n\n".join(_named(function, name) for name, function in functions.items())


def _named(function: Callable[..., Any], name: str) -> str:
    source = textwrap.dedent(inspect.getsource(function))
    return source if function.__name__ == name else f"{source}\n\n{name} = {function.__name__}\n"
