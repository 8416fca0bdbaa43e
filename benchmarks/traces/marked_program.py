"""A program with NVTX ranges, to be recorded by nsys: a tenth of them nested, 512 names."""

import sys

import nvtx


def mark(ranges: int) -> None:
    """Open and close ranges in the domain of the isolated scripts."""
    for number in range(ranges // 10):
        nvtx.push_range(f"gelu-b{number % 512}#0.1", domain="moeprof")
        for step in range(9):
            nvtx.push_range(f"step {step}", domain="moeprof")
            nvtx.pop_range(domain="moeprof")
        nvtx.pop_range(domain="moeprof")


if __name__ == "__main__":
    mark(int(sys.argv[1]))
