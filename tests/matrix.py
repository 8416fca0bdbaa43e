"""Run the tests of a CPU and of compiled kernels under other versions of torch and Triton.

    python -m moeprof.tests.matrix [--venvs DIR] [NAME ...] [-- ARGUMENTS OF PYTEST]

Each set of versions gets a virtual environment of its own, outside the source tree; `make
test-matrix` calls this. What pip installs is told by pip's own configuration: torch of the package
index is a CUDA build of some GB on most machines, and its tests run on a CPU all the same.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
# The oldest versions that are supported, those of the first GPU that was seen, and the newest.
VERSIONS = {
    "torch-2.11": ("torch==2.11.*", "triton==3.6.*", "numpy<2.4"),
    "newest": ("torch", "triton<3.10"),
}
TESTS = (
    "tests/kernels",
    "tests/scenarios",
    "tests/profiler",
    "tests/parsers/kineto",
    "tests/test_api.py",
)


def main() -> int:
    """Test each set of versions; return 1 where one fails, else 0."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(VERSIONS)}; all without any")
    parser.add_argument("--venvs", type=Path, help="folder of environments that are kept")
    given, pytest_arguments = parser.parse_known_args()
    unknown = set(given.names) - set(VERSIONS)
    if unknown:
        parser.error(f"no such versions: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory() as folder:
        venvs = given.venvs or Path(folder)
        failed = [
            name
            for name in given.names or VERSIONS
            if not passes(venvs / name, VERSIONS[name], pytest_arguments)
        ]
    print(f"failed: {', '.join(failed)}" if failed else "all versions pass")
    return bool(failed)


def passes(venv: Path, versions: tuple[str, ...], pytest_arguments: list[str]) -> bool:
    """Install some versions with the tests' needs into an environment, and run the tests there."""
    python = str(venv / "bin" / "python")
    if not Path(python).exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, *versions, *needs()], check=True)
    subprocess.run([python, "-m", "pip", "list", "--format=freeze"], check=True, cwd=venv)
    environment = os.environ | {"PYTHONPATH": str(ROOT / ".path"), "PYTHONSAFEPATH": "1"}
    command = [python, "-m", "pytest", "-q", *(pytest_arguments or ["--numprocesses", "auto"])]
    ended = subprocess.run([*command, *TESTS], cwd=ROOT, env=environment, check=False)
    return ended.returncode == 0


def needs() -> list[str]:
    """What the project and its tests need beside the versions that are tried."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["dev"]]


if __name__ == "__main__":
    sys.exit(main())
