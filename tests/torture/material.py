"""Makes inputs with the builders of the code under test; run with that code on its path.

material.py metered FOLDER        a run with times, loads and a thermal step
material.py target NAME FOLDER    the valid input of a target of the fuzzer; prints a command
"""

import json
import shutil
import sys
from pathlib import Path


def metered(folder: Path) -> None:
    """Write the run; its thermal step is a load that calls itself one."""
    from moeprof.scenarios.preset import load_preset, to_toml
    from moeprof.tests.energy import metered_runs

    metered_runs.write_run(folder)
    (folder / "preset.toml").write_text(to_toml(load_preset("small")))
    step = folder / "raw" / "thermal" / "step"
    shutil.copytree(next((folder / "raw" / "power").iterdir()), step)
    body = json.loads((step / "recording.json").read_text())
    body |= {"collector": "thermal", "unit": "step"}
    (step / "recording.json").write_text(json.dumps(body))


def target(name: str, folder: Path) -> list[str]:
    """Write the input, and return the words of its first command."""
    from moeprof.tests.fuzz.targets.all import TARGETS

    one = next(one for one in TARGETS if one.name == name)
    one.make(folder)
    one.settle(folder)
    return [word.replace("@", str(folder)) for word in one.commands[0]]


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["metered", folder]:
            metered(Path(folder))
        case ["target", name, folder]:
            sys.stdout.write(json.dumps(target(name, Path(folder))))
