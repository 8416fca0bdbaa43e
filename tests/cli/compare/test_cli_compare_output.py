"""What `moeprof compare` prints, within 80 columns."""

from pathlib import Path

from moeprof.tests.cli.command_line import Moeprof
from moeprof.tests.cli.compare.test_cli_compare_command import benchmark


def test_the_table_has_a_row_for_each_operation(moeprof: Moeprof, built_run: Path) -> None:
    found = moeprof("compare", built_run, built_run)
    assert found.exit_code == 0
    assert "latency: NEW / OLD" in found.stdout
    (relu,) = [line for line in found.stdout.splitlines() if line.lstrip().startswith("relu")]
    assert relu.split()[2:4] == ["1.000", "1.000-1.000"]
    assert relu.split()[-1] == "unchanged"
    assert max(map(len, found.stdout.splitlines())) <= 80


def test_a_benchmark_has_no_bands_of_batch_size(moeprof: Moeprof, tmp_path: Path) -> None:
    old = benchmark(tmp_path / "old.json")
    found = moeprof("compare", old, old)
    assert "1-8" not in found.stdout
    assert "case3" in found.stdout
