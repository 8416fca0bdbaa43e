"""Model files of a layer of gated experts, with an engine's kernels, at a power limit."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from moeprof.costmodel.checksum import with_checksum
from moeprof.store.document import write_document
from moeprof.store.provenance import Gpu
from moeprof.tests.costmodel.layer.gated_models import gated_file

ENGINE: Final = "vllm_fused_experts"
METERED: Final = {"energy_source": "nvml_counter", "energy_reason": None}


def model_at(folder: Path, limit_w: float, **changed: Any) -> Path:
    """A model that was measured at a power limit, by which each call takes more energy."""
    metered = METERED | {"energy_mj": limit_w / 200}
    file = gated_file("uniform", **(metered | {"routed": [ENGINE]} | changed))
    gpu = Gpu(0, "a GPU", "GPU-0", None, None, limit_w, None, None, None, None)
    file = replace(file, provenance=replace(file.provenance, gpu=gpu))
    path = folder / f"{limit_w:g}w.json"
    write_document(path, with_checksum(file))
    return path
