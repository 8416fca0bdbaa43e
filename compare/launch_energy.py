"""The energy of many launches, as a cost model predicts it from measurements."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from ..costmodel.model import KernelCostModel
from ..energy.mixed_workload import Played
from ..store.errors import BadInput
from ..store.provenance import EnergySource

COVERAGE_GATE: Final = 0.9
_NOT_MEASURED: Final = frozenset({EnergySource.UNAVAILABLE, EnergySource.ESTIMATED})


@dataclass(frozen=True, slots=True)
class LaunchEnergy:
    """Energy of launches that took `busy_s` together; it is known for `covered_s` of that time.

    `energy_j` is that of the launches of known energy. `missing` are sentences that name the
    others, with the reason.
    """

    energy_j: float
    covered_s: float
    busy_s: float
    missing: tuple[str, ...]

    @property
    def coverage(self) -> float:
        """Share of the busy time whose energy is known."""
        return self.covered_s / self.busy_s if self.busy_s else 0.0

    @property
    def whole_j(self) -> float | None:
        """Energy of all launches, the unknown ones at the mean power of the known ones.

        None below a coverage of COVERAGE_GATE.
        """
        return self.energy_j / self.coverage if self.coverage >= COVERAGE_GATE else None


def predict_energy(model: KernelCostModel, played: Sequence[Played]) -> LaunchEnergy:
    """Sum the model's energy over the launches of a mixed workload."""
    energy_mj, covered_s = 0.0, 0.0
    missing: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for part in played:
        launch_mj, reason = _energy_mj(model, part)
        if launch_mj is None:
            missing[reason][part.curve] += 1
        else:
            energy_mj += part.launches * launch_mj
            covered_s += part.busy_s
    busy_s = sum(part.busy_s for part in played)
    sentences = (_without(curves, reason) for reason, curves in missing.items())
    return LaunchEnergy(energy_mj / 1000, covered_s, busy_s, tuple(sentences))


def idle_power_w(model: KernelCostModel) -> float | None:
    """Mean idle power over the curves and surfaces of a model; None where none has any."""
    known = [one.idle_power_w for one in model.file.fitted if one.idle_power_w is not None]
    return fmean(known) if known else None


def _energy_mj(model: KernelCostModel, part: Played) -> tuple[float | None, str]:
    """Energy of one launch from measurements; None with the reason."""
    try:
        cost = model.get_cost(part.curve, part.tokens)
    except BadInput as refusal:
        return None, refusal.message
    if cost.energy_mj is None or cost.energy_source in _NOT_MEASURED or cost.estimated:
        return None, cost.energy_reason or "it is an estimate"
    return cost.energy_mj, ""


def _without(sizes_of: Counter[str], reason: str) -> str:
    curves = ", ".join(f"{curve} at {sizes} size(s)" for curve, sizes in sizes_of.items())
    return f"no energy of {curves}: {reason}"
