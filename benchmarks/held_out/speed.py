"""Time of a look-up, a load, a build and a first look-up, ours and peers' in one run."""

import os
import subprocess
import sys
import tempfile
import time
import timeit
from pathlib import Path

import numpy as np
from scipy.interpolate import PchipInterpolator

from moeprof.benchmarks.held_out.peers import aiconfigurator_ns
from moeprof.costmodel.build import build_model
from moeprof.costmodel.imported.source_rows import Imported, ImportedTable, origin_of
from moeprof.costmodel.imported.tables import points_of, provenance_of
from moeprof.costmodel.model import KernelCostModel
from moeprof.store.cost_model import CostModelFile
from moeprof.store.document import to_json, write_document
from moeprof.store.scenario import Scenario

ROOT = Path(__file__).parents[2]
FIRST_LOOK_UP = """
import sys, time
started = time.process_time()
from moeprof.costmodel.model import KernelCostModel
KernelCostModel.load(sys.argv[1]).get_cost("op0", 37)
print(time.process_time() - started)
"""


def speed(peers: Path | None) -> dict[str, float]:
    """Look-up, load and build times of a seven-operation model, each the best of several."""
    file, build_s = _seven_ops()
    model = KernelCostModel.from_file(file)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        write_document(path, file)
        load_s = min(timeit.repeat(lambda: KernelCostModel.load(path), number=1, repeat=7))
        first_s = min(_first_look_up_s(path) for _ in range(5))
    curve = model.curves[0]
    assert model.get_cost("op0", 37).latency_us == model.get_costs("op0", [37]).latency_us[0]
    names = {
        "get": model.get_cost,
        "many": model.get_costs,
        "sizes": np.random.default_rng(0).integers(1, 500, 2048),
        "pchip": PchipInterpolator(curve.knots_tokens, curve.latency_us),
    }

    def best_s(code: str, number: int) -> float:
        return min(timeit.repeat(code, globals=names, number=number, repeat=9)) / number

    found = {
        "get_cost_ns": best_s("get('op0', 37)", 100_000) * 1e9,
        "get_costs_2048_us": best_s("many('op0', sizes).latency_us", 3000) * 1e6,
        "scipy_pchip_ns": best_s("pchip(37)", 5000) * 1e9,
        "load_ms": load_s * 1e3,
        "first_look_up_ms": first_s * 1e3,
        "build_s": build_s,
        "file_kb": len(to_json(file)) / 1000,
    }
    peer = None if peers is None else aiconfigurator_ns(peers)
    if peer is not None:
        found[f"aiconfigurator_core_{peer[0]}_ns"] = peer[1]
    return found


def _first_look_up_s(path: Path) -> float:
    """CPU seconds of a fresh interpreter to import the model, load `path` and look up a cost."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / ".path")}
    command = [sys.executable, "-c", FIRST_LOOK_UP, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return float(done.stdout)


def _seven_ops() -> tuple[CostModelFile, float]:
    """Seven synthetic GEMMs of an A100, 43 sizes each, and the seconds that their build took."""
    rows = []
    for index in range(7):
        n, k = 4096, 2048 + 512 * index
        for size in range(1, 513, 12):
            work = 2 * size * n * k, 2 * (n * k + size * (n + k))
            scenario = Scenario(f"op{index}", size, (n, k), "float16", *work)
            rows.append(Imported(scenario, 40 + 12.0 * -(-size // 64) + 0.01 * size + index))
    table = ImportedTable(tuple(rows), "A100", {}, origin_of("synthetic", "none", "none", []))
    points, origin = points_of(table)
    more = {"provenance": provenance_of(table), "points_sha256": "0" * 64, "origin": origin}
    started = time.perf_counter()
    file = build_model(points, preset="bench", **more)  # type: ignore[arg-type]
    return file, time.perf_counter() - started
