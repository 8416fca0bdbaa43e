"""Scripts of a run that moeprof does not speak the language of any more, generated anew."""

from collections.abc import Callable
from contextlib import suppress

from ...scenarios.mixed_workload import NAME, render_mixed_workload
from ...scenarios.preset import read_preset
from ...scenarios.script import is_of_other_protocol, render_script
from ...scenarios.trust import NoKey, sign
from ...store.files import read_bytes, write_whole
from ...store.plan import Plan
from ...store.run import Run
from .resume import ops_of


def renew_scripts(
    run: Run, plan: Plan, cache_bytes: int | None, notice: Callable[[str], None]
) -> None:
    """Generate the scripts of an older protocol anew, sign them, and say so through `notice`.

    They are made of the catalogue's operations or the run's own copies of op files, which must be
    trusted. `cache_bytes` is the device's last-level cache. Raises BadInput where an operation is
    not there any more.
    """
    old = [op_plan for op_plan in plan.ops if _is_old(run, op_plan.op)]
    names = [op_plan.op for op_plan in old]
    if old:
        preset = read_preset(run.preset_path)
        ops = {one.name: one for one in ops_of(run, plan)}
        for op_plan in old:
            loaded = ops[op_plan.op]
            layer = loaded.preset or preset
            text = render_script(loaded.operation, layer, plan, op_plan, cache_bytes)
            write_whole(run.script(op_plan.op), text)
    if _is_old(run, NAME):
        write_whole(run.script(NAME), render_mixed_workload(plan))
        names.append(NAME)
    if names:
        with suppress(NoKey):
            sign(run, plan)
        notice(f"generated anew, as they speak an older protocol: the scripts {', '.join(names)}")


def _is_old(run: Run, name: str) -> bool:
    path = run.script(name)
    return path.exists() and is_of_other_protocol(read_bytes(path))
