"""Energy of the host's processor packages by RAPL through Linux's powercap, read only.

`energy_uj` counts up to `max_energy_range_uj` and wraps: at 100 W and a range of 262 kJ every 44
minutes. Read it more often than that: a second wrap between two readings is not seen.
https://www.kernel.org/doc/html/latest/power/powercap/powercap.html
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..store.errors import CannotMeasure

POWERCAP: Final = Path("/sys/class/powercap")


@dataclass(frozen=True, slots=True)
class Package:
    """One processor package: the folder of its zone, and the largest value of its counter, µJ."""

    folder: Path
    range_uj: int

    def energy_uj(self) -> int:
        """The counter's value, µJ, at most `range_uj`; it counts from an unknown moment.

        Raises CannotMeasure where the counter cannot be read.
        """
        return _read(self.folder / "energy_uj")


def packages(powercap: Path = POWERCAP) -> list[Package]:
    """Every processor package of the host, after reading each counter once.

    Raises CannotMeasure where there is no RAPL, or a counter may not be read.
    """
    zones = sorted(powercap.glob("intel-rapl:[0-9]*"))  # AMD's zones have the same name
    found = [
        Package(zone, _read(zone / "max_energy_range_uj"))
        for zone in zones
        if zone.name.count(":") == 1 and _is_package(zone)
    ]
    if not found:
        raise CannotMeasure(
            f"RAPL is unavailable: {powercap} shows no processor package",
            hint="virtual machines seldom pass it on; measure on the bare host",
        )
    for package in found:
        package.energy_uj()
    return found


def energy_between_uj(package: Package, before_uj: int, after_uj: int) -> int:
    """Energy between two readings of a package, µJ, with at most one wrap between them."""
    turn = package.range_uj + 1 if after_uj < before_uj else 0
    return after_uj + turn - before_uj


def _is_package(zone: Path) -> bool:
    try:
        return (zone / "name").read_text(encoding="ascii").startswith("package")
    except OSError:
        return False


def _read(path: Path) -> int:
    try:
        return int(path.read_text(encoding="ascii"))
    except PermissionError as error:
        raise CannotMeasure(
            f"RAPL is unavailable: {path} may not be read", hint=f"sudo chmod a+r {path}"
        ) from error
    except (OSError, ValueError) as error:
        raise CannotMeasure(f"RAPL is unavailable: {path} cannot be read") from error
