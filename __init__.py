"""What each kernel of a mixture-of-experts layer costs on this GPU, in time, energy and heat.

    moeprof.profile(options)      scenarios to recordings, in a run folder
    moeprof.parse(run)            recordings to tables
    moeprof.build_model(run)      tables to kernel_cost_model.json
    moeprof.validate(model)       the model against measurements that its fit never saw
    moeprof.compare_costs(a, b)   two runs, models or benchmarks, with a verdict on each change
    moeprof.load(model)           the model, ready for look-ups

docs/python.md describes these functions; each is imported when it is first used.

The rooms, from the top floor down; a room imports only from floors below its own:

    cli/                              parse arguments, call pipeline, print
    pipeline/                         one stage per function: profile, parse, build, validate, ...
    report/  compare/  doctor/        a run as one HTML page; two things compared; this machine
    profiler/                         run isolated scripts under a collector and leave recordings
    scenarios/  parsers/  costmodel/  what to measure; recordings to tables; points to costs
    energy/                           power logs and meter files to energy per launch
    kernels/  device/  stats/         Triton kernels; what the machine says of itself; statistics
    store/                            the files that the stages hand on
"""

from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = [
    "BadInput",
    "CannotMeasure",
    "ImportOptions",
    "KernelCostModel",
    "MoeprofError",
    "RevisionOptions",
    "RunOptions",
    "RunProgress",
    "__version__",
    "add_to_history",
    "build_model",
    "compare_costs",
    "compare_revisions",
    "examine",
    "import_tables",
    "load",
    "parse",
    "parse_trace",
    "plan_run",
    "profile",
    "resume",
    "validate",
]

if TYPE_CHECKING:
    from .costmodel.model import KernelCostModel
    from .pipeline.build import build_model
    from .pipeline.compare.compare import compare_costs
    from .pipeline.compare.revisions import RevisionOptions, compare_revisions
    from .pipeline.cost import load
    from .pipeline.doctor import examine
    from .pipeline.history import add_to_history
    from .pipeline.import_tables import ImportOptions, import_tables
    from .pipeline.measure.progress import RunProgress
    from .pipeline.parse import parse, parse_trace
    from .pipeline.profile import plan_run, profile, resume
    from .pipeline.validate import validate
    from .scenarios.run_options import RunOptions
    from .store.errors import BadInput, CannotMeasure, MoeprofError
else:
    _MODULES = {
        "costmodel.model": ("KernelCostModel",),
        "pipeline.build": ("build_model",),
        "pipeline.compare.compare": ("compare_costs",),
        "pipeline.compare.revisions": ("RevisionOptions", "compare_revisions"),
        "pipeline.cost": ("load",),
        "pipeline.doctor": ("examine",),
        "pipeline.history": ("add_to_history",),
        "pipeline.import_tables": ("ImportOptions", "import_tables"),
        "pipeline.measure.progress": ("RunProgress",),
        "pipeline.parse": ("parse", "parse_trace"),
        "pipeline.profile": ("plan_run", "profile", "resume"),
        "pipeline.validate": ("validate",),
        "scenarios.run_options": ("RunOptions",),
        "store.errors": ("BadInput", "CannotMeasure", "MoeprofError"),
    }
    _MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

    def __getattr__(name):
        """Import a name of the API when it is first used."""
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*__all__, *globals()})
