"""A fit with measured kernels, read in a terminal."""

from pathlib import Path

from moeprof.tests.cli.command_line import Moeprof
from moeprof.tests.costmodel.steptime.composition.kernel_folder import kernel_file, kernel_folder


def test_a_fit_says_how_far_kernels_count(moeprof: Moeprof, tmp_path: Path) -> None:
    kernels = ("--kernel-model", kernel_file(tmp_path), "--method", "physics")
    out = tmp_path / "m.json"
    result = moeprof("steptime", "fit", kernel_folder(tmp_path), *kernels, "--out", out)
    assert result.exit_code == 0
    assert "Kernels of NVIDIA H200" in result.stdout
    assert "blend of physics and kernels" in result.stdout
    assert "model without: kernels " in result.stderr
    assert max(map(len, result.stdout.splitlines())) <= 80
