"""The external meter that is kept with a run, and what it says of the device's own sensor."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Final, Self

from ..store.recording import CollectorName, Recording, raw_file
from .counter import DISAGREEMENT
from .external_meter import PowerMeter, align
from .per_launch import POWER_LOG, MeteredLoad
from .power_log import PowerLog, read_power_log

METER_FILE: Final = "meter.csv"

Held = Sequence[tuple[Path, Recording]]


def run_meter(held: Held) -> PowerMeter | None:
    """The meter of a run's recordings, which stand with their folders, aligned; None without one.

    Raises BadInput where its file is missing or changed, or cannot be aligned.
    """
    for folder, recording in held:
        if recording.collector == CollectorName.METER:
            return align(raw_file(folder, recording, METER_FILE), power_logs(held))
    return None


def power_logs(held: Held) -> Iterable[PowerLog]:
    """The log of each load of a run, one after the other."""
    for folder, recording in held:
        if recording.collector == CollectorName.POWER and recording.loads:
            yield read_power_log(raw_file(folder, recording, POWER_LOG))


@dataclass(frozen=True, slots=True)
class SensorGain:
    """The sensor's power over the meter's: median, lowest and highest of `n` loads."""

    ratio: float
    lowest: float
    highest: float
    n: int

    @classmethod
    def of(cls, loads: Iterable[MeteredLoad]) -> Self | None:
        """Compare the two over some loads; None where no load has both."""
        ratios = [ratio for one in loads if (ratio := _ratio(one)) is not None]
        if not ratios:
            return None
        return cls(median(ratios), min(ratios), max(ratios), len(ratios))

    def __str__(self) -> str:
        return (
            "energies are those of the external meter: the device's own sensor shows"
            f" {self.ratio:.3f} of its power ({self.lowest:.3f} to {self.highest:.3f}"
            f" over {self.n} load{'s' * (self.n > 1)})"
        )

    def marked(self, one: MeteredLoad) -> MeteredLoad:
        """Mark a load where the run's two powers differ, and where its own differ otherwise."""
        words, ratio = [], _ratio(one)
        if abs(self.ratio - 1) > DISAGREEMENT:
            words.append(f"the sensor shows {self.ratio:.3f} of the meter's power")
        if ratio is not None and abs(ratio / self.ratio - 1) > DISAGREEMENT:
            words.append(f"sensor over meter is {ratio:.3f} here, and {self.ratio:.3f} in the run")
        return replace(one, cost=replace(one.cost, marks=(*one.cost.marks, *words)))


def _ratio(one: MeteredLoad) -> float | None:
    meter_w = one.cost.power_w.value
    return one.sensor_power_w / meter_w if one.sensor_power_w is not None and meter_w else None
