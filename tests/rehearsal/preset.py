"""The layer of a rehearsal: so small that the CPU computes each call in less than a millisecond."""

from pathlib import Path
from typing import Final

_PRESET: Final = """
name = "tiny"
source = "made up for rehearsals"
hidden = 256
ffn = 512
experts = 8
top_k = 2
dtype = "bfloat16"
weight_bits = 4
group_size = 64
"""


def write_preset(folder: Path) -> Path:
    path = folder / "tiny.toml"
    path.write_text(_PRESET)
    return path
