"""Routing by a cost model: to which experts, at which price, and what that saves.

    AdaptiveRouter, RouterSettings, WholeStep    routes batches of one layer
    ExpertCosts, ExpertKind, costs_of_experts    what experts cost, by their load, from a cost model
    Controller, Decision, Targets, Telemetry    control at run time
    make_controller, ServedLayer, TTHAAdapter, AdapterWeights    controllers of a layer
    GpuSystemMonitor, PressureLimits, RecordingSource, telemetry    watches a GPU, or a recording
    MetricsLogger, MetricsRow, answered, sensed    logs each pass

docs/router.md shows how they are used; each is imported when it is first used.
"""

from typing import TYPE_CHECKING

__all__ = [
    "AdapterWeights",
    "AdaptiveRouter",
    "Controller",
    "Decision",
    "ExpertCosts",
    "ExpertKind",
    "GpuSystemMonitor",
    "MetricsLogger",
    "MetricsRow",
    "PressureLimits",
    "RecordingSource",
    "RouterSettings",
    "ServedLayer",
    "TTHAAdapter",
    "Targets",
    "Telemetry",
    "WholeStep",
    "answered",
    "costs_of_experts",
    "make_controller",
    "sensed",
    "telemetry",
]

if TYPE_CHECKING:
    from .adaptive import AdaptiveRouter
    from .control.adapter import AdapterWeights, TTHAAdapter
    from .control.controller import Controller, Decision, Targets, Telemetry
    from .control.registry import make_controller
    from .control.served_layer import ServedLayer
    from .expert_costs import ExpertCosts
    from .from_model import costs_of_experts
    from .kinds.kind import ExpertKind
    from .metrics.answer import answered
    from .metrics.logger import MetricsLogger
    from .metrics.row import MetricsRow, sensed
    from .monitor.monitor import GpuSystemMonitor
    from .monitor.pressure import PressureLimits
    from .monitor.recording_source import RecordingSource
    from .monitor.snapshot import telemetry
    from .settings import RouterSettings
    from .static.whole_step import WholeStep
else:
    _MODULES = {
        "adaptive": ("AdaptiveRouter",),
        "control.adapter": ("AdapterWeights", "TTHAAdapter"),
        "control.registry": ("make_controller",),
        "control.served_layer": ("ServedLayer",),
        "control.controller": ("Controller", "Decision", "Targets", "Telemetry"),
        "expert_costs": ("ExpertCosts",),
        "from_model": ("costs_of_experts",),
        "kinds.kind": ("ExpertKind",),
        "metrics.answer": ("answered",),
        "metrics.logger": ("MetricsLogger",),
        "metrics.row": ("MetricsRow", "sensed"),
        "monitor.monitor": ("GpuSystemMonitor",),
        "monitor.pressure": ("PressureLimits",),
        "monitor.recording_source": ("RecordingSource",),
        "monitor.snapshot": ("telemetry",),
        "settings": ("RouterSettings",),
        "static.whole_step": ("WholeStep",),
    }
    _MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

    def __getattr__(name):
        """Import a name when it is first used."""
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
