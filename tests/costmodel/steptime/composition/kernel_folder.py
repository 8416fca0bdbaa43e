"""A folder of rows of one GPU, and the file of its kernels."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from moeprof.costmodel.checksum import with_checksum
from moeprof.store.document import write_document
from moeprof.tests.costmodel.steptime.composition.h200_kernels import h200_kernels
from moeprof.tests.costmodel.steptime.public_folder import public_folder

ENGINES = {"H100": "vllm", "H200": "sglang", "B200": "trtllm"}


def kernel_folder(folder: Path) -> Path:
    """36 rows of six configurations of an H200, in place of three GPUs by three engines."""
    path = public_folder(folder) / "serving_rows.parquet"
    table = pq.read_table(path)
    engines = [ENGINES[str(gpu)] for gpu in table["gpu"].to_pylist()]
    for name, values in (("engine", engines), ("gpu", ["H200"] * len(engines))):
        table = table.set_column(table.schema.get_field_index(name), name, pa.array(values))
    pq.write_table(table, path)
    return folder


def kernel_file(folder: Path) -> Path:
    """The kernels of h200_kernels as `kernel_cost_model.json`."""
    path = folder / "kernel_cost_model.json"
    write_document(path, with_checksum(h200_kernels().model.file))
    return path
