"""A look-up loads none of the libraries that only measuring and fitting need."""

import json
import os
import subprocess
import sys
from pathlib import Path

from moeprof.store.cost_model import CostModelFile
from moeprof.store.document import write_document

ROOT = Path(__file__).parents[2]
HEAVY = ("pandas", "pyarrow", "pydantic", "scipy", "torch")
LOOK_UP = """
import json, sys
from moeprof.costmodel.model import KernelCostModel
cost = KernelCostModel.load(sys.argv[1]).get_cost("fc1", 37)
print(json.dumps([cost.tokens, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def test_a_look_up_in_a_fresh_interpreter_loads_no_heavy_library(
    tmp_path: Path, file: CostModelFile
) -> None:
    path = tmp_path / "kernel_cost_model.json"
    write_document(path, file)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / ".path")}
    command = [sys.executable, "-c", LOOK_UP, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    tokens, loaded = json.loads(done.stdout)
    assert tokens == 37
    assert set(loaded).isdisjoint(HEAVY)
