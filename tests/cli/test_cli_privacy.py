"""Secrets are planted in whatever an operation says; no file of the run and no output has them.

What keeps them is named in docs/method.md: copies of the user's own files, and reports of nsys.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from moeprof.store.text import shareable
from moeprof.tests.cli.command_line import run_moeprof
from moeprof.tests.conftest import quick_points

MARK = "zq"  # each secret begins with it, and nothing else does
COPIES = ("scripts", "ops")
OP = '''
"""At each size it fails with other secrets, which this text does not spell out."""
import torch
from moeprof.scenarios.operation import InputFactory, Operation

def make_inputs(take: InputFactory, tokens: int, ffn: int) -> tuple[torch.Tensor]:
    return (take((tokens, ffn)),)

def run(x: torch.Tensor) -> torch.Tensor:
    import os, platform, sys, tempfile
    mark, here = "z" + "q", os.getcwd()
    told = {
        1: f"{here}, {here}/{mark} dir/x y.bin and {os.environ['HOME']} are full",
        2: f"user {os.environ['USER']} has {os.environ['HF_TOKEN']} in {tempfile.gettempdir()}",
        3: f"C:\\\\Users\\\\{mark} bob\\\\x.txt, C:\\\\Users\\\\{mark}bob, {mark}bob@{mark}.org",
        4: f"'/mnt/{mark} disk/it/x.bin', /home/{mark}bob, /mnt/{mark} a/{mark} b/c.so",
        5: f'File "/mnt/{mark}"x"/a.py", line 3, in {sys.prefix}, {__file__}',
    }
    size = x.shape[0]
    if size == 2:
        sys.stderr.write(told[2])
        sys.stderr.flush()
        os._exit(3)
    if size in told:
        raise RuntimeError(told[size])
    if size == 6:
        open(f"{here}/{mark} missing/x.bin")
    return x + 1

MINE = Operation(
    name="mine", make_inputs=make_inputs, run=run, reference=run, shape=("ffn",),
    flops=lambda tokens, preset: tokens * preset.ffn,
    bytes_moved=lambda tokens, preset, dtype_bytes: 2 * tokens * preset.ffn * dtype_bytes,
)
'''
PROFILE = "profile --ops OP --batch-sizes 1..8 --sampling all --device cpu --no-power --json"
COMMANDS = (
    *("profile --resume --json", "parse", "build-model", "build-model --json", "validate"),
    *("validate --json", "report", "show", "show --json", "cost mine --batch-size 7"),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """A run, and what each command printed."""

    run: Path
    printed: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    """A run whose sweep is a process of its own; the other commands run in this one."""
    home = tmp_path_factory.mktemp("home") / f"{MARK} alice"
    folder = home / f'{MARK}"client ü'
    temporary = home / f"{MARK}tmp"
    folder.mkdir(parents=True)
    temporary.mkdir()
    (folder / "my op.py").write_text(OP)
    environment = {"HOME": home, "USER": f"{MARK}alice", "TMPDIR": temporary}
    secrets = {"HF_TOKEN": f"{MARK}-0123456789"}
    with pytest.MonkeyPatch.context() as patch, quick_points():
        for name, value in (environment | secrets).items():
            patch.setenv(name, str(value))
        patch.chdir(folder)
        patch.setattr(tempfile, "tempdir", None)
        # Each process looks once for what is private; this one may have looked before.
        patch.setattr(shareable, "_private_here", shareable._private_here.__wrapped__)
        words = ["my op.py" if word == "OP" else word for word in PROFILE.split()]
        command = [sys.executable, "-m", "moeprof", *words, "--store", "runs"]
        swept = subprocess.run(command, capture_output=True, text=True, timeout=600)
        printed = {PROFILE: swept.stdout + swept.stderr}
        for line in COMMANDS:
            ended = run_moeprof([*line.split(), "--store", "runs"])
            printed[line] = ended.stdout + ended.stderr
    return Measured(next((folder / "runs").iterdir()), printed)


def kept_texts(run: Path) -> Iterator[tuple[str, str]]:
    """Every file of a run with its text, but for the copies of the user's own files."""
    for path in sorted(run.rglob("*")):
        name = path.relative_to(run)
        if path.suffix == ".parquet":
            yield str(name), f"{pq.read_table(path).to_pylist()} {pq.read_schema(path).metadata}"
        elif path.is_file() and name.parts[0] not in COPIES:
            yield str(name), path.read_text(encoding="utf-8", errors="replace")


def test_the_secrets_were_really_planted(measured: Measured) -> None:
    failed = measured.printed[PROFILE]
    reasons = ("are full", "exit code 3", "<e-mail>", "c.so", 'File "a.py", line 3', "x.bin")
    assert [reason for reason in reasons if reason not in failed] == []


def test_no_file_of_the_run_holds_a_secret(measured: Measured) -> None:
    found = [
        (name, text[max(0, hit.start() - 60) : hit.end() + 40])
        for name, text in kept_texts(measured.run)
        for hit in re.finditer(MARK, text)
    ]
    assert found == []


def test_no_output_holds_a_secret(measured: Measured) -> None:
    found = [
        (line, text[max(0, hit.start() - 60) : hit.end() + 40])
        for line, text in measured.printed.items()
        for hit in re.finditer(MARK, text)
    ]
    assert found == []
