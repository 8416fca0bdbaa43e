"""Governors and counts of heat, on a synthetic tree of processors."""

from pathlib import Path

from moeprof.device.cpu_clock import governors, heat_events


def write(cpus: Path, core: int, path: str, text: str) -> None:
    file = cpus / f"cpu{core}" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{text}\n")


def test_a_virtual_machine_has_neither(tmp_path: Path) -> None:
    assert governors([0, 1], tmp_path) == ()
    assert heat_events([0, 1], tmp_path) is None


def test_the_governors_are_those_of_our_cores(tmp_path: Path) -> None:
    for core, name in enumerate(["performance", "powersave", "powersave"]):
        write(tmp_path, core, "cpufreq/scaling_governor", name)
    assert governors([1, 2], tmp_path) == ("powersave",)
    assert governors([0, 1, 2], tmp_path) == ("performance", "powersave")


def test_heat_of_a_core_and_of_its_package_both_count(tmp_path: Path) -> None:
    write(tmp_path, 0, "thermal_throttle/core_throttle_count", "3")
    write(tmp_path, 0, "thermal_throttle/package_throttle_count", "4")
    write(tmp_path, 1, "thermal_throttle/core_throttle_count", "50")
    assert heat_events([0], tmp_path) == 7
