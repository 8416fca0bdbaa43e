"""`make fuzz`: cases of every target, with progress; a fault is printed with how to repeat it.

The last line has the seed. `--target NAME --case N` repeats one case and keeps its files.
"""

import argparse
import secrets
import shutil
import sys
from collections import Counter
from pathlib import Path
from tempfile import mkdtemp

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from moeprof.tests.fuzz.case import Fuzzer, Outcome
from moeprof.tests.fuzz.targets.all import TARGETS, shares

CONSOLE = Console(highlight=False, soft_wrap=True, markup=False)


def main() -> int:
    """Run the cases; return 1 where one had a fault."""
    options = _options()
    chosen = [target for target in TARGETS if options.target in (None, target.name)]
    folder, faults, read = Path(mkdtemp(prefix="moeprof-fuzz-")), 0, Counter[str]()
    counts = shares(options.cases, chosen)
    with _progress() as bar:
        task = bar.add_task("", total=sum(counts[target.name] for target in chosen))
        for target in chosen:
            fuzzer = Fuzzer(target, folder / target.name.replace(" ", "-"), options.seed)
            fuzzer.run_intact()
            one = options.case
            for number in range(counts[target.name]) if one is None else [one]:
                bar.update(task, description=target.name, advance=1)
                outcome = fuzzer.run(number)
                read[target.name] += outcome.is_read
                if outcome.fault is not None:
                    faults += 1
                    _keep(outcome, folder / "faults", options.seed)
            CONSOLE.print(f"{target.name}: {read[target.name]} of {counts[target.name]} are read")
    CONSOLE.print(f"{faults} faults; seed {options.seed}; files in {folder}")
    if not faults:
        shutil.rmtree(folder)
    return int(faults > 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make fuzz")
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--target", choices=[target.name for target in TARGETS])
    parser.add_argument("--case", type=int, help="run this case alone")
    return parser.parse_args()


def _progress() -> Progress:
    columns = (TextColumn("{task.description:24}"), BarColumn(bar_width=20), MofNCompleteColumn())
    return Progress(*columns, TextColumn("ETA"), TimeRemainingColumn(), console=CONSOLE)


def _keep(outcome: Outcome, folder: Path, seed: int) -> None:
    """Print a fault, and keep its files with the command that repeats it."""
    kept = folder / outcome.case.replace(" ", "-")
    shutil.copytree(outcome.folder, kept, dirs_exist_ok=True)
    target, _, number = outcome.case.rpartition(" ")
    CONSOLE.print(f"FAULT in {outcome}")
    CONSOLE.print(f"  moeprof {outcome.command.replace('@', str(kept))}")
    CONSOLE.print(f"  make fuzz FUZZ=\"--seed {seed} --target '{target}' --case {number}\"")


if __name__ == "__main__":
    sys.exit(main())
