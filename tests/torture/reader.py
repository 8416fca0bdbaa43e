"""A reader of a run, until a file appears; run with the code under test on its path.

    reader.py RUN STOP    prints JSON: number of reads, each answer that was seen, each failure

A reader asks commands in this process, and opens each table of the run as a user's program would.
"""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from moeprof.tests.cli.command_line import run_moeprof

_COST = ("gelu", "--batch-size", "8", "--json")


def read(run: Path) -> Iterator[tuple[str, str]]:
    """Read once: an answer and the failure for each look, one of them empty.

    A table is opened once: given its path, pyarrow opens it twice. It is opened by Arrow: a file of
    Python's may abort the process as it ends (docs/reliability.md).
    """
    cost = run_moeprof(["cost", run, *_COST])
    if cost.exit_code == 0:
        yield f"cost {cost.data['latency_us']}", ""
    else:
        yield "", f"cost: exit {cost.exit_code}: {cost.stderr[-200:]}"
    shown = run_moeprof(["show", run])
    yield "", "" if shown.exit_code == 0 else f"show: {shown.exit_code}: {shown.stderr[-200:]}"
    for name in ("calls", "points", "power_samples"):
        try:
            with pa.OSFile(str(run / "tables" / f"{name}.parquet"), "rb") as file:
                pq.read_table(file)
            yield "", ""
        except Exception as error:
            yield "", f"{name}: {type(error).__name__}: {error}"


def main() -> None:
    """Read until the file is there or the torture is gone, once at least."""
    run, stop = map(Path, sys.argv[1:])
    torture = os.getppid()
    reads, answers, failed = 0, set(), set()
    while True:
        for answer, failure in read(run):
            reads += 1
            answers |= {answer} - {""}
            failed |= {failure} - {""}
        if stop.exists() or os.getppid() != torture:
            break
    found = {"reads": reads, "answers": sorted(answers), "failed": sorted(failed)[:5]}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
