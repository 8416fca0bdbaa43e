"""Peers that need a virtual environment of their own: scikit-learn's fits, aiconfigurator."""

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

import numpy as np

_WANTED = ("scikit-learn", "aiconfigurator-core")
_FITS = """
import json, sys, warnings
import numpy as np
from sklearn.ensemble import RandomForestRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
warnings.simplefilter("ignore")
out = []
for x, y, q in json.load(sys.stdin):
    x, y, q = (np.array(v, dtype=float) for v in (x, y, q))
    forest = RandomForestRegressor(250, max_depth=16, random_state=0).fit(x[:, None], y)
    mean, scale = np.log(y).mean(), np.log(y).std() + 1e-9
    kernel = ConstantKernel() * Matern(1.0, (0.05, 20), nu=1.5) + WhiteKernel(1e-3, (1e-6, 1e-1))
    process = GaussianProcessRegressor(kernel, random_state=0)
    process.fit(np.log(x)[:, None], (np.log(y) - mean) / scale)
    gp = np.exp(process.predict(np.log(q)[:, None]) * scale + mean)
    out.append([forest.predict(q[:, None]).tolist(), gp.tolist()])
json.dump(out, sys.stdout)
"""
# Since 0.12 its engine evaluates whole models, and one operation through this method alone.
_LOOK_UP = """
import logging, timeit, warnings
warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
from importlib.metadata import version
from aiconfigurator_core.sdk import common
from aiconfigurator_core.sdk.operations import GEMM
from aiconfigurator_core.sdk.perf_database import get_database
op = GEMM("gemm", 1, 4096, 4096, common.GEMMQuantMode.bfloat16)
base = get_database("h200_sxm", "vllm", "0.24.0")
ask = lambda: op._engine_query(base, x=37)
assert 0 < float(ask()) < 1
print(version("aiconfigurator-core"), min(timeit.repeat(ask, number=500, repeat=9)) / 500 * 1e9)
"""


def peers_at(folder: Path | None) -> Path | None:
    """A virtual environment with the peers; None, with the reason, where it cannot be had."""
    path = folder or Path(tempfile.gettempdir()) / "moeprof-peers-costmodel"
    try:
        if not (path / "bin/python").exists():
            venv.create(path, with_pip=True)
            _run(path, ["-m", "pip", "install", "--quiet", *_WANTED])
        return path
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"peers skipped: {error}", file=sys.stderr)
        return None


def forest_and_process(peers: Path, jobs: list[Any]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Predict with vidur's forest and a Gaussian process; a job is (sizes, times, asked)."""
    both = json.loads(_run(peers, ["-c", _FITS], json.dumps(jobs)))
    return [np.array(one) for one, _ in both], [np.array(one) for _, one in both]


def aiconfigurator_ns(peers: Path) -> tuple[str, float] | None:
    """Version of aiconfigurator and time of its look-up; None, with the reason, without it."""
    try:
        version, nanoseconds = _run(peers, ["-c", _LOOK_UP]).split()[-2:]
        return version, float(nanoseconds)
    except (subprocess.CalledProcessError, ValueError) as error:
        said = getattr(error, "stderr", None) or str(error)
        print(f"aiconfigurator skipped: {said.strip().splitlines()[-1]}", file=sys.stderr)
        return None


def _run(peers: Path, words: list[str], given: str = "") -> str:
    command = [str(peers / "bin/python"), *words]
    done = subprocess.run(command, input=given, text=True, capture_output=True, check=True)
    return done.stdout
