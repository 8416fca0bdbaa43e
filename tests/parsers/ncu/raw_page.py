"""Raw pages of ncu for tests."""

from collections.abc import Sequence
from pathlib import Path

DESCRIPTIONS = [
    "ID", "Process ID", "Process Name", "Host Name", "Kernel Name", "Context", "Stream",
    "Block Size", "Grid Size", "Device", "CC",
]  # fmt: skip
KERNEL = ["77", "app", "127.0.0.1", "gemm(int, float)", "1", "7", "(128, 1, 1)", "(64, 1, 1)", "0",
          "9.0"]  # fmt: skip
TIME = "gpu__time_duration.sum"
BYTES = "dram__bytes_read.sum"
PERCENT = "gpu__dram_throughput.avg.pct_of_peak_sustained_elapsed"
HERTZ = "gpc__cycles_elapsed.avg.per_second"
WAVES = "launch__waves_per_multiprocessor"
NOT_KEPT = "sm__inst_issued.avg.per_cycle_active"
BASE_UNITS = {TIME: "ns", BYTES: "byte", PERCENT: "%", HERTZ: "hz", WAVES: "", NOT_KEPT: ""}


def page(
    rows: Sequence[dict[str, str]], units: dict[str, str] | None = None, first_id: int = 0
) -> str:
    """Text of a page: a row per kernel, which maps each metric's name to its cell."""
    metrics = list(rows[0])
    units = BASE_UNITS | (units or {})
    lines = [[*DESCRIPTIONS, *metrics], [*[""] * len(DESCRIPTIONS), *(units[m] for m in metrics)]]
    lines += [[str(first_id + n), *KERNEL, *row.values()] for n, row in enumerate(rows)]
    return "".join(",".join(f'"{cell}"' for cell in line) + "\n" for line in lines)


def write_page(path: Path, *rows: dict[str, str], units: dict[str, str] | None = None) -> Path:
    """Write a page in UTF-8."""
    path.write_text(page(rows, units))
    return path
