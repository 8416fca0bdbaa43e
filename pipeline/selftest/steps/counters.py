"""Hardware counters of one call, with cold caches and with hot ones, by Nsight Compute."""

import time
from typing import Any, Final

from ....device.identity import choose_device
from ....store.errors import CannotMeasure
from ....store.recording import CollectorName
from ....store.run import Run
from ....store.scenario import L2
from ....store.tables.parquet import read_table
from ...parse import parse
from ...profile import RunOptions, profile
from ..results import Facts
from ..sharing import share_recordings
from ..work import StepFailed, Work

_OP: Final = "dequant_linear"
_TOKENS: Final = 16
_LEAST_S: Final = 15.0
_BESIDE_S: Final = 5.0  # to parse, and for the call that runs when the budget ends
_NOT_PERMITTED: Final = "ERR_NVGPUCTRPERM"
_COLUMNS: Final = (
    "kernel", "dram_read_bytes", "dram_write_bytes", "l2_hit_pct", "sm_clock_hz",
    "registers_per_thread", "achieved_occupancy_pct", "tensor_active_pct",
)  # fmt: skip


def read_counters(work: Work) -> Facts:
    """Read the counters of one call, cold first; the hot call where it will end in time too.

    Raises CannotMeasure where there is no ncu, or it may not read them.
    """
    facts: Facts = {"device": choose_device(None), "op": _OP, "tokens": _TOKENS}
    needed_s = _LEAST_S
    for l2 in ("cold", "hot"):
        begin_s = time.monotonic()
        if work.left_s() < needed_s:
            facts[l2] = {"reason": f"no time was left for the {l2} call"}
            continue
        facts[l2] = _counted(work, l2)
        work.found(facts)
        needed_s = 1.2 * (time.monotonic() - begin_s)
    return facts


def _counted(work: Work, l2: L2) -> Facts:
    options = RunOptions(
        ops=_OP,
        batch_sizes=str(_TOKENS),
        collectors=CollectorName.NCU,
        power=False,
        l2=l2,
        budget_s=max(work.left_s() - _BESIDE_S, 1.0),
    )
    result = profile(options, store=work.folder / "counters", progress=work)
    if result.budget_spent:
        return {"reason": "not measured: the budget was spent"}
    _check(result.warnings, measured=any(one.measured for one in result.ops))
    run = Run(result.folder)
    share_recordings(run)
    parse(run.folder)
    rows = read_table(run.table("counters"), "counters").to_pylist()
    return {
        "run": run.folder.name,
        "bytes_moved": _bytes_moved(run),
        "launches": [{name: row[name] for name in _COLUMNS} for row in rows],
        "warnings": list(result.warnings),
    }


def _check(warnings: tuple[str, ...], *, measured: bool) -> None:
    """Raise CannotMeasure where reading is not permitted, StepFailed where nothing was read."""
    if measured:
        return
    reason = "; ".join(warnings) or "ncu recorded nothing"
    if _NOT_PERMITTED in reason:
        raise CannotMeasure(
            f"the driver lets this user read no counters ({_NOT_PERMITTED})",
            hint="`moeprof doctor` says how to permit it",
        )
    raise StepFailed(reason)


def _bytes_moved(run: Run) -> Any:
    (scenario,) = {one for _, recording in run.recordings() for one in recording.scenarios}
    return scenario.bytes_moved
