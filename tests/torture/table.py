"""The table of docs/reliability.md, made of the figures of two tortures.

    python -m moeprof.tests.torture.table NOW.json [START.json]

NOW and START are what `make torture` wrote, of the code now and of the code before the mends. They
are kept in docs/reliability.json, of which the table is made.
"""

import json
import sys
from pathlib import Path
from typing import Any, Final

_DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
PAGE: Final = _DOCS / "reliability.md"
FIGURES: Final = _DOCS / "reliability.json"
_TITLES: Final = {  # what one try of each part is
    "sweep-kills": "a sweep killed at a random moment, then resumed",
    "nsys-kills": "the same under nsys",
    "sweep-kill-points": "a sweep killed at a call that changes a file, then resumed",
    "command-kill-points": "another command killed at such a call, then the next one",
    "sweep-disk-errors": "a sweep that meets ENOSPC, EIO, EROFS or EDQUOT, then resumed",
    "command-disk-errors": "another command that meets them, then run again",
    "bisections": "a bisection killed at such a call or while its command hangs, then run again",
    "hostile-operations": "a sweep of a hostile operation beside a good one",
    "hostile-op-files": "an op file that is hostile when it is loaded",
    "changed-inputs": "an input with one field changed",
    "two-users": "a command of another user",
    "three-sweeps": "one of three sweeps at once",
    "readers": "a read by one of 24 readers while tables and model are remade",
    "container": "some of these in a container",
}
_BEGIN, _END = "<!-- table -->\n", "<!-- end of the table -->\n"


def table(figures: dict[str, Any]) -> str:
    """The rows: the tries and faults of each part, now and before."""
    now, start = (_by_name(figures[one]) for one in ("now", "start"))
    before = figures["start"]["commit"]
    rows = [f"| one try | tries | faults | tries at {before} | faults |", "|---|---|---|---|---|"]
    for name, title in _TITLES.items():
        rows.append(f"| {title} | {_cells(now.get(name))} | {_cells(start.get(name))} |")
    return "\n".join(rows) + "\n"


def _by_name(figures: dict[str, Any]) -> dict[str, Any]:
    return {part["part"]: part for part in figures["parts"]}


def _cells(part: dict[str, Any] | None) -> str:
    if part is None or not part["tries"]:
        return "not tried | "
    return f"{part['tries']:,} | {sum(part['faults'].values()):,}"


def split(page: str) -> tuple[str, str, str]:
    """The page before its table, the table, and the page after it."""
    before, _, rest = page.partition(_BEGIN)
    rows, _, after = rest.partition(_END)
    return before + _BEGIN, rows, _END + after


def _figures(torture: dict[str, Any]) -> dict[str, Any]:
    """What is kept of a torture: no fault in words, as these name files of a machine."""
    parts = [{name: part[name] for name in part if name != "what"} for part in torture["parts"]]
    return torture | {"parts": parts}


def main() -> None:
    """Keep the figures that are named, and put their table into the page."""
    kept = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    for name, path in zip(("now", "start"), sys.argv[1:], strict=False):
        kept[name] = _figures(json.loads(Path(path).read_text()))
    FIGURES.write_text(json.dumps(kept, indent=1) + "\n")
    before, _, after = split(PAGE.read_text())
    PAGE.write_text(before + table(kept) + after)


if __name__ == "__main__":
    main()
