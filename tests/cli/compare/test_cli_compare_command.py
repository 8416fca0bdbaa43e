"""`moeprof compare`: its exit codes, its forms, and what it refuses."""

import json
from pathlib import Path

import pytest

from moeprof.tests.cli.command_line import Moeprof


def benchmark(path: Path, slow: float = 1.0) -> Path:
    rows = [{"name": f"case{n}", "value": 1.0 + n, "unit": "ms"} for n in range(8)]
    rows[3]["value"] = slow * 4.0
    path.write_text(json.dumps({"rows": rows}))
    return path


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Path, Path]:
    """Two documents of a benchmark, of which one row is slower in the second."""
    return benchmark(tmp_path / "old.json"), benchmark(tmp_path / "new.json", slow=1.5)


def test_the_verdict_is_the_exit_code(moeprof: Moeprof, sides: tuple[Path, Path]) -> None:
    old, new = sides
    assert moeprof("compare", old, old).exit_code == 0
    found = moeprof("compare", old, new)
    assert found.exit_code == 1
    assert "case3 1.50" in found.stderr
    assert "× slower" in found.stderr
    assert moeprof("compare", new, old).exit_code == 0


def test_a_run_is_compared_with_itself(moeprof: Moeprof, built_run: Path) -> None:
    found = moeprof("compare", built_run, built_run, "--json")
    assert found.exit_code == 0
    assert found.data["verdict"] == "unchanged"
    assert found.data["schema"].startswith("moeprof.comparison/")
    assert {row["op"] for row in found.data["ops"]} == {"relu", "topk"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--map", "a"], "--map a does not pair"),
        (["--map", "a=b", "--map", "a=c"], "--map a=c does not pair"),
        (["--min-effect", "0"], "--min-effect 0"),
        (["--alpha", "99"], "--alpha 99"),
        (["--map", "a=b"], "has no operation 'a'"),
        (["--ops", "a.py", "--cross"], "are for what was measured before"),
        (["--ops", "a.py", "--budget", "soon"], "'soon' is no duration"),
        (["--ops", "a.py"], "git sees no repository in"),
    ],
)
def test_what_makes_no_sense_is_refused(
    moeprof: Moeprof,
    sides: tuple[Path, Path],
    words: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    found = moeprof("compare", *sides, *words)
    assert found.exit_code == 2
    assert told in found.errors[0]


def test_a_side_that_is_not_there_is_refused(moeprof: Moeprof, tmp_path: Path) -> None:
    found = moeprof("compare", tmp_path / "a", tmp_path / "b")
    assert found.exit_code == 2
    assert "neither a folder nor a file" in found.errors[0]
    assert "--ops" in found.hint
