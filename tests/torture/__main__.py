"""`make torture`: moeprof is killed, starved, lied to and raced, and must lose and leave nothing.

    python -m moeprof.tests.torture [--size suite|short|full] [--part NAME] [--code CHECKOUT]

Each fault is printed with what was done; the figures go to a JSON file (docs/reliability.md quotes
them). The exit code is 1 where there was a fault.
"""

import argparse
import secrets
import signal
import sys
from pathlib import Path
from tempfile import mkdtemp

from moeprof.tests.torture.course import PARTS, run_course
from moeprof.tests.torture.setting import Setting, Size

_ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Run the parts; return 1 where one had a fault."""
    options = _options()
    # A shell ignores these for what it starts in the background, and a child would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    folder = Path(mkdtemp(prefix="moeprof-torture-")).resolve()
    folder.chmod(0o755)
    setting = Setting(options.code.resolve(), folder, Size(options.size), options.seed)
    return run_course(setting, options.part or list(PARTS), options.workers, options.out)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make torture")
    parser.add_argument("--size", choices=list(Size), default=Size.SHORT)
    parser.add_argument("--part", choices=list(PARTS), action="append")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--workers", type=int, default=3, help="tries at once")
    parser.add_argument("--code", type=Path, default=_ROOT, help="the checkout under test")
    parser.add_argument("--out", type=Path, default=Path("torture.json"))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
