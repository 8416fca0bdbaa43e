"""RAPL through powercap, on a synthetic tree of zones."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.device import rapl
from moeprof.store.errors import CannotMeasure


def zone(powercap: Path, folder: str, name: str, energy_uj: int, range_uj: int = 999) -> Path:
    path = powercap / folder
    path.mkdir(parents=True)
    for file, value in (
        ("name", name),
        ("energy_uj", energy_uj),
        ("max_energy_range_uj", range_uj),
    ):
        (path / file).write_text(f"{value}\n", encoding="ascii")
    return path


def test_packages_count_and_their_parts_do_not(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 10)
    zone(tmp_path, "intel-rapl:1", "package-1", 20)
    zone(tmp_path, "intel-rapl:0:0", "core", 5)
    zone(tmp_path, "intel-rapl:2", "psys", 50)
    assert [package.energy_uj() for package in rapl.packages(tmp_path)] == [10, 20]


def test_without_a_package_rapl_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotMeasure) as caught:
        rapl.packages(tmp_path)
    assert str(tmp_path) in caught.value.message
    assert caught.value.hint


def test_a_counter_that_may_not_be_read_names_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 10)
    readable = Path.read_text

    def refuse(path: Path, encoding: str | None = None) -> str:
        if path.name == "energy_uj":
            raise PermissionError(13, "Permission denied")
        return readable(path, encoding=encoding)

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(CannotMeasure) as caught:
        rapl.packages(tmp_path)
    assert caught.value.hint.startswith("sudo chmod a+r")


def test_a_counter_that_vanishes_is_an_error(tmp_path: Path) -> None:
    folder = zone(tmp_path, "intel-rapl:0", "package-0", 10)
    (package,) = rapl.packages(tmp_path)
    (folder / "energy_uj").unlink()
    with pytest.raises(CannotMeasure, match="energy_uj"):
        package.energy_uj()


@settings(max_examples=50)
@given(start=st.integers(0, 999), used=st.integers(0, 999))
def test_one_wrap_of_the_counter_is_corrected(start: int, used: int) -> None:
    package = rapl.Package(Path("zone"), range_uj=999)
    assert rapl.energy_between_uj(package, start, (start + used) % 1000) == used
