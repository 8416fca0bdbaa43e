"""A stand-in for nsys on the rehearsal's GPU: it runs its target, and exports what that did."""

import os
import subprocess
import sys
from pathlib import Path

from moeprof.tests.rehearsal.fake_cuda.trace import Trace


def main(words: list[str]) -> int:
    if words == ["--version"]:
        sys.stdout.write("NVIDIA Nsight Systems version 2025.3.1.90-stand-in\n")
        return 0
    if words == ["profile", "--help"]:
        sys.stdout.write("--cuda-graph-trace=<granularity>\n--wait=\n")
        return 0
    output = next(word.partition("=")[2] for word in words if word.startswith("--output="))
    if words[0] == "export":
        Trace.read(Path(words[-1])).write_nsys(Path(output))
        return 0
    first = next(place for place, word in enumerate(words[1:], 1) if not word.startswith("--"))
    report = Path(output.replace("%%", "%"))
    Trace().write(report)  # a target that loads no torch has an empty trace
    environment = {**os.environ, "REHEARSAL_NSYS": str(report)}
    return subprocess.run(words[first:], close_fds=False, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
