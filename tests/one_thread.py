"""Imported before numpy and torch: their thread pools get one thread in a process of tests.

pytest-xdist runs a process on each core, and threads of BLAS and OpenMP that wait for a core spin.
"""

import os

for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")
