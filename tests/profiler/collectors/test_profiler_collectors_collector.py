"""Paths of reports, as nsys and ncu take them."""

from pathlib import Path

import pytest

from moeprof.profiler.collectors.collector import literal_path


@pytest.mark.parametrize("name", ["-x", "a,b", "a:b", "%h", "%q{HOME}", "a b", "50%%"])
def test_a_path_is_no_option_and_nothing_in_it_is_expanded(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written = literal_path(Path(name) / "report")
    assert written.startswith(f"{tmp_path}/")
    assert written.replace("%%", "") == f"{tmp_path}/{name}/report".replace("%", "")
