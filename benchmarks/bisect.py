"""Simulated comparisons and bisections beside the methods of their peers; and a real bisection.

    python benchmarks/bisect.py [--quick] [--seed N] [--json FILE] [--end-to-end]

`--end-to-end` builds a git repository whose commits change the cost of a real kernel, lets the real
`moeprof bisect` and the real `git bisect run moeprof check` find the commit, and lets a repository
without a change find none.
"""

import argparse
import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

sys.path.pop(0)  # this folder, where this file hides Python's own bisect from numpy
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / ".path"))

from moeprof.benchmarks.regressions.comparing import compare_results
from moeprof.benchmarks.regressions.end_to_end import end_to_end_results
from moeprof.benchmarks.regressions.searching import search_results


def main() -> None:
    """Run it."""
    words = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    words.add_argument("--quick", action="store_true", help="fewer trials, one history")
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--data", type=Path, help="not used: everything is simulated")
    words.add_argument("--json", type=Path)
    words.add_argument("--end-to-end", action="store_true")
    args = words.parse_args()
    rows: list[dict[str, Any]] = []
    goals: list[dict[str, Any]] = []
    if args.end_to_end:
        rows, goals = end_to_end_results(args.seed, quick=args.quick)
    else:
        if find_spec("git_bayesect") is None:
            print("git_bayesect: left out, not installed (pip install git_bayesect)")
        for results in (search_results, compare_results):
            more, wanted = results(args.seed, quick=args.quick)
            rows += more
            goals += wanted
    for row in rows:
        print("  ".join(f"{name} {_shown(value)}" for name, value in row.items()))
    for goal in goals:
        met = "met" if goal["met"] else "MISSED"
        print(f"{met}: {goal['name']}: {goal['value']} {goal['unit']} (goal {goal['goal']})")
    if args.json is not None:
        args.json.write_text(
            json.dumps({"seed": args.seed, "rows": rows, "goals": goals}, indent=1) + "\n"
        )


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
