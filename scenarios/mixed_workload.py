"""The text of the mixed workload: a script that runs a run's isolated scripts in turns."""

import json
from importlib import resources
from string import Template
from typing import Final

from ..store.plan import Plan
from .script import PROTOCOL

NAME: Final = "mixed-replay"  # file name of the script; names of operations have no dash
MIXED_WORKLOAD_S: Final = 40.0  # some 350 turns: each of 7 operations at 8 sizes has six


def render_mixed_workload(plan: Plan, replay_s: float = MIXED_WORKLOAD_S) -> str:
    """Return the script that runs each operation of a plan at its held-out sizes for `replay_s`.

    The script loads the isolated scripts in its own folder.
    """
    text = (resources.files(__package__) / "mixed_workload.py.txt").read_text(encoding="utf-8")
    return Template(text).substitute(
        name=NAME,
        protocol=PROTOCOL,
        sizes=json.dumps({op_plan.op: op_plan.holdout for op_plan in plan.ops}),
        device=plan.device,
        threads=plan.threads,
        seed=plan.seed,
        replay_s=replay_s,
    )
