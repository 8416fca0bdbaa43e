"""Where the numbers come from: the plan, the machine, and the commands that repeat the run."""

import shlex
from collections import defaultdict
from typing import Final

from ..costmodel.thermal.description import thermal_description
from ..store.cost_model import CostModelFile
from ..store.plan import Plan
from ..store.provenance import Gpu, Provenance
from .contents import Contents
from .markup import Html, element, facts, joined, table
from .quantities import batch_sizes, count

_UNKNOWN: Final = "not known"


def plan_section(contents: Contents) -> Html:
    """Show the plan's settings, and the batch sizes of each operation."""
    plan = contents.plan
    choices = [
        ("run", plan.run_id),
        ("preset", f"{plan.preset} ({plan.preset_source})"),
        ("device", plan.device),
        ("collectors, in turn", ", ".join(plan.collectors)),
        ("isolation", f"one script per {plan.isolation}"),
        ("sampling", _sampling(plan)),
        ("dtype", plan.dtype),
        ("L2 cache", plan.l2),
        ("CPU threads", plan.threads),
        ("seed", plan.seed),
        ("budget", "none" if plan.budget_s is None else f"{plan.budget_s:g} s"),
        ("time limit of a point", f"{plan.point_timeout_s:g} s"),
    ]
    head = (
        "operation",
        "domain",
        "measured first",
        "held out",
        "intervals",
        "measured",
        "failed",
        "from",
    )
    return joined(facts(choices), table("Batch sizes by operation", head, _op_rows(contents)))


def _sampling(plan: Plan) -> str:
    if plan.sampling == "all":
        return "every size of the domain"
    return f"adaptive, up to {count(plan.points_per_op, 'size')} an operation"


def _op_rows(contents: Contents) -> list[tuple[object, ...]]:
    curves = {curve.slug: curve for curve in contents.curves}
    return [
        (
            joined(op_plan.op, element("span", op_plan.curve, class_="under")),
            batch_sizes(op_plan.domain),
            batch_sizes(op_plan.first),
            batch_sizes(sorted({*op_plan.holdout, *op_plan.spare_holdout})) or "none",
            batch_sizes(op_plan.calibration) or "none",
            len(curves[op_plan.curve].measured),
            len(curves[op_plan.curve].failed),
            op_plan.source or "catalogue",
        )
        for op_plan in contents.plan.ops
    ]


def provenance_section(provenance: Provenance, model: CostModelFile | None = None) -> Html:
    """Show the machine, the thermal model where there is one, and the software versions."""
    commit = provenance.git_commit or _UNKNOWN
    changed = {True: ", with changes not committed", False: "", None: ""}[provenance.git_dirty]
    machine = [
        ("device", f"{provenance.device_name} ({provenance.device})"),
        ("last-level cache", _quantity(provenance.cache_bytes, "bytes")),
        ("CPU", f"{provenance.cpu_name}, {provenance.cpu_count} cores"),
        ("CPU threads used", provenance.threads),
        ("host, as a hash", provenance.host_hash),
        ("code", f"{commit}{changed}"),
        ("measured at (UTC)", provenance.utc),
    ]
    gpu = [] if provenance.gpu is None else _gpu(provenance.gpu)
    versions = sorted(provenance.versions.items())
    return joined(
        table("Machine", ("what", "value"), [*machine, *gpu, *_heat(model)]),
        table("Software", ("software", "version"), versions) if versions else "",
    )


def _heat(model: CostModelFile | None) -> list[tuple[str, object]]:
    if model is None:
        return []
    known = model.thermal_reason if model.thermal is None else thermal_description(model.thermal)
    return [("heat", known or _UNKNOWN)]


def _gpu(gpu: Gpu) -> list[tuple[str, object]]:
    return [
        ("GPU", f"{gpu.name}, index {gpu.index}"),
        ("GPU UUID", gpu.uuid),
        ("driver", gpu.driver or _UNKNOWN),
        ("VBIOS", gpu.vbios or _UNKNOWN),
        ("power limit", _quantity(gpu.power_limit_w, "W")),
        ("SM clock", _quantity(gpu.sm_clock_mhz, "MHz")),
        ("memory clock", _quantity(gpu.memory_clock_mhz, "MHz")),
        ("MIG", {True: "on", False: "off", None: _UNKNOWN}[gpu.mig]),
        ("GPU L2 cache", _quantity(gpu.l2_bytes, "bytes")),
    ]


def _quantity(value: float | None, unit: str) -> str:
    return _UNKNOWN if value is None else f"{value:,} {unit}"


def reproduce_section(contents: Contents) -> Html:
    """Command lines that repeat the run and this page."""
    lines = _profile_commands(contents.plan)
    lines += [f"moeprof {stage} RUN" for stage in ("parse", "build-model", "validate", "report")]
    return joined(
        element(
            "p",
            "On the machine above, in the folder of this page. The new run lies beside this one: "
            "RUN is the folder that the first command names.",
        ),
        element("pre", element("code", "\n".join(lines))),
        element(
            "p",
            "One operation alone, without moeprof around it, in the same folder: ",
            element("code", f"python scripts/{contents.plan.ops[0].op}.py"),
            ".",
        )
        if contents.plan.ops
        else "",
    )


def _profile_commands(plan: Plan) -> list[str]:
    """`moeprof profile` with the plan's settings; one command for each set of sizes."""
    ops: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for op_plan in plan.ops:
        ops[op_plan.domain].append(op_plan.source or op_plan.op)
    return [
        shlex.join(
            [
                "moeprof",
                "profile",
                "--ops",
                ",".join(names),
                "--batch-sizes",
                batch_sizes(domain, ","),
            ]
            + [word for name, value in _options(plan) for word in (f"--{name}", value)]
            + ["--thermal-step"] * plan.thermal_step
            + ["--store", ".."]
        )
        for domain, names in ops.items()
    ]


def _options(plan: Plan) -> list[tuple[str, str]]:
    options = [
        ("scenario", "preset.toml"),
        ("device", plan.device),
        ("collector", ",".join(plan.collectors)),
        ("sampling", plan.sampling),
        ("points", str(plan.points_per_op)),
        ("isolation", plan.isolation),
        ("l2", plan.l2),
        ("threads", str(plan.threads)),
        ("seed", str(plan.seed)),
        ("point-timeout", f"{plan.point_timeout_s:g}s"),
    ]
    if plan.budget_s is not None:
        options.append(("budget", f"{plan.budget_s:g}s"))
    if plan.sm_clock_mhz is not None:
        options.append(("lock-clocks", str(plan.sm_clock_mhz)))
    return options
