"""Where a process of moeprof begins: signals and streams first, then the command."""

import sys
import traceback

from .ending import Ending


def main() -> None:
    """Run the command line; end the process with the exit code that docs/method.md lists."""
    ending = Ending()
    try:
        ending.heed()
        from .streams import prepare_streams

        prepare_streams()
        from .app import run

        code = run(sys.argv[1:], ending)
    except BaseException:  # an import may turn an interrupt into an error of its own
        if ending.exit_code is None:
            traceback.print_exc()
            sys.exit(129)  # 1, Python's own, would be a verdict
        sys.stderr.write("interrupted\n")
    sys.stdout = sys.stderr  # all data is written: what is printed at exit is none
    ending.ignore()
    sys.exit(code if ending.exit_code is None else ending.exit_code)
