"""A real bisection: commits that change the cost of a real CPU kernel, and a planted one.

The kernel is a chain of matrix products in numpy. One commit adds a product to every call; others
change comments, names and files beside it. The metric is the least time of some calls. Then the
energy of an operation is bisected, as moeprof measures it on a stand-in GPU.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from moeprof.benchmarks.regressions.energy_of_commits import (
    FEW,
    FILE,
    MORE,
    OPERATION,
    bisect_energy,
)

ROOT = Path(__file__).resolve().parents[2]
COMMITS = 16
COMMITS_OF_ENERGY = 6
KERNEL = """
import time
import numpy as np

x = np.random.default_rng(0).normal(size=(192, 192))


def kernel():  # {note}
    y = x
    for _ in range({products}):
        y = np.tanh(y @ x)
    return y


def timed():
    began = time.perf_counter()
    for _ in range(6):
        kernel()
    return time.perf_counter() - began


timed()
print(min(timed() for _ in range(5)))
"""


def end_to_end_results(
    seed: int, *, quick: bool
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Bisect a repository with a planted change by both commands, and one without."""
    planted = 1 + (seed * 7 + 9) % (COMMITS - 1)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        commits = _history(folder / "planted", planted)
        rows.append(_bisected(folder / "planted", folder / "state", commits, planted))
        if not quick:
            rows.append(_git_bisected(folder / "planted", folder / "state-2", commits, planted))
        alike = _history(folder / "alike", None)
        rows.append(_bisected(folder / "alike", folder / "state-3", alike, None))
        if not quick:
            rows += [_energy(folder / f"energy-{at}", at) for at in (3, None)]
    goals = [
        {
            "name": f"{row['command']}, {row['planted']}",
            "value": row["answer"],
            "unit": "",
            "goal": row["wanted"],
            "met": row["answer"] == row["wanted"],
        }
        for row in rows
    ]
    return rows, goals


def _history(folder: Path, planted: int | None) -> list[str]:
    """A repository of commits, of which the one at `planted` makes the kernel dearer."""
    files = []
    for number in range(COMMITS):
        products = 24 if planted is not None and number >= planted else 20
        kernel = KERNEL.format(note=f"note {number}", products=products)
        files.append({"kernel.py": kernel, f"file_{number % 3}": str(number)})
    return _committed(folder, files)


def _committed(folder: Path, files: Sequence[Mapping[str, str]]) -> list[str]:
    """A repository with a commit for each set of files that changed; the commits."""
    folder.mkdir()
    _git(folder, "init", "--quiet")
    commits = []
    for number, changed in enumerate(files):
        for name, text in changed.items():
            (folder / name).write_text(text)
        _git(folder, "add", *changed)
        _git(folder, "commit", "--quiet", "-m", f"change {number}")
        commits.append(_git(folder, "rev-parse", "HEAD"))
    return commits


def _energy(folder: Path, planted: int | None) -> dict[str, Any]:
    files = []
    for number in range(COMMITS_OF_ENERGY):
        products = MORE if planted is not None and number >= planted else FEW
        files.append({FILE: OPERATION.format(note=number, products=products)})
    commits = _committed(folder, files)
    done = bisect_energy(folder, commits[0], commits[-1], "--json")
    name = "moeprof bisect --metric energy"
    return _answered(name, commits, planted, done.exit_code, done.stdout)


def _bisected(folder: Path, state: Path, commits: list[str], planted: int | None) -> dict[str, Any]:
    asked = [*_moeprof("bisect"), commits[0], commits[-1], "--min-effect", "5", "--json"]
    done = _run([*asked, "--state", str(state), "--", sys.executable, "kernel.py"], folder)
    return _answered("moeprof bisect", commits, planted, done.returncode, done.stdout)


def _answered(
    command: str, commits: list[str], planted: int | None, code: int, answer: str
) -> dict[str, Any]:
    found = json.loads(answer) if answer else {}
    named = found["suspects"][0]["commit"] if found.get("outcome") == "found" else None
    return _row(command, commits, planted, named, code) | {"readings": found.get("readings")}


def _git_bisected(folder: Path, state: Path, commits: list[str], planted: int) -> dict[str, Any]:
    _git(folder, "bisect", "start", commits[-1], commits[0])
    oracle = [*_moeprof("check"), "--against-ref", commits[0], "--min-effect", "10"]
    asked = [*oracle, "--state", str(state), "--", sys.executable, "kernel.py"]
    done = _run(["git", "bisect", "run", *asked], folder)
    found = next((one for one in commits if f"{one} is the first bad" in done.stdout), None)
    _git(folder, "bisect", "reset")
    return _row("git bisect run moeprof check", commits, planted, found, done.returncode)


def _row(
    command: str, commits: list[str], planted: int | None, found: str | None, code: int
) -> dict[str, Any]:
    answer = "none" if found is None else f"change {commits.index(found)}"
    return {
        "command": command,
        "planted": "nothing" if planted is None else f"change {planted}",
        "wanted": "none" if planted is None else f"change {planted}",
        "answer": answer,
        "exit": code,
    }


def _moeprof(command: str) -> list[str]:
    return [sys.executable, "-m", "moeprof", command]


def _run(command: list[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"PYTHONPATH": str(ROOT / ".path"), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def _git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org")
    done = subprocess.run(
        ["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()
