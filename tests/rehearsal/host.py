"""Runs commands of moeprof under the layer: a line of JSON in for each, a line out.

One process runs many commands, since most of the time of a short one is the import of torch. A
request for "truth" is answered with what the operation of a script truly costs.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from moeprof.tests.cli.command_line import run_moeprof
from moeprof.tests.rehearsal.truth import truth_of


def main() -> None:
    answers = sys.stdout
    for line in sys.stdin:
        request = json.loads(line)
        for name in [name for name in os.environ if name.startswith("FAKENVML_")]:
            del os.environ[name]
        os.environ.update(request["environment"])
        answers.write(json.dumps(_answer(request)) + "\n")
        answers.flush()


def _answer(request: dict[str, Any]) -> Any:
    if "truth" in request:
        return truth_of(Path(request["truth"]), request["sizes"])
    result = run_moeprof(request["words"])
    return [result.exit_code, result.stdout, result.stderr]


if __name__ == "__main__":
    main()
