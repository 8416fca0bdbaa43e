"""A steady load for a GPU while its sensors are read: square matrix products, back to back.

    python load.py DEVICE      "cpu" or "cuda:N"

Runs as a process of its own and imports nothing of moeprof. Once the load runs it writes one line
of JSON, `{"uuid": …}` with the GPU's UUID (null on a CPU); it ends when its stdin does.
"""

import json
import os
import sys
import threading
from typing import Final

import torch

_WARMUP_PRODUCTS: Final = 20
_QUEUED: Final = 8  # products between two synchronisations: enough that the GPU never idles


def main(device: str) -> None:
    """Load `device` until stdin ends."""
    input_open = threading.Thread(target=sys.stdin.read, daemon=True)
    input_open.start()
    on_gpu = device != "cpu"
    size, dtype = (8192, torch.bfloat16) if on_gpu else (256, torch.float32)
    left, right = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    product = torch.empty_like(left)

    def work(products: int) -> None:
        for _ in range(products):
            torch.mm(left, right, out=product)
        if on_gpu:
            torch.cuda.synchronize(device)

    work(_WARMUP_PRODUCTS)
    uuid = f"GPU-{torch.cuda.get_device_properties(device).uuid}" if on_gpu else None
    os.write(int(os.environ["MOEPROF_ANSWERS_FD"]), json.dumps({"uuid": uuid}).encode() + b"\n")
    while input_open.is_alive():
        work(_QUEUED)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1])
