"""Small git repositories whose commits print seeded numbers, for what reads commits."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

READER = """
import pathlib, random, sys
level = pathlib.Path("level").read_text().strip()
if level == "broken":
    sys.exit("no build")
count = pathlib.Path(sys.argv[1])
number = int(count.read_text()) if count.exists() else 0
count.write_text(str(number + 1))
print("about to read")
print(float(level) * (1 + float(sys.argv[2]) * random.Random(number).gauss(0, 1)))
"""


def git(folder: Path, *words: str) -> str:
    """Run git in a folder as somebody; return what it prints."""
    who = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org")
    command = ["git", *who, "-c", "commit.gpgsign=false", *words]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def history(folder: Path, levels: Sequence[str]) -> list[str]:
    """A repository with a commit for each level, which `read.py` prints with noise; their ids."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / "read.py").write_text(READER)
    commits = []
    for number, level in enumerate(levels):
        (folder / "level").write_text(f"{level}\n")
        (folder / "note").write_text(f"{number}\n")
        git(folder, "add", ".")
        git(folder, "commit", "--quiet", "-m", f"change {number}")
        commits.append(git(folder, "rev-parse", "HEAD"))
    return commits


def reader(count: Path, noise: float = 0.005) -> tuple[str, ...]:
    """The command that reads a commit; the file `count` numbers the readings, and so seeds them."""
    quickly = ("-I", "-S")  # without site-packages
    return (sys.executable, *quickly, "read.py", str(count), str(noise))
