"""The text of a mixed replay: a script that runs a run's isolated scripts in turns."""

import json
from importlib import resources
from string import Template
from typing import Final

from ..store.plan import Plan

NAME: Final = "mixed-replay"  # no operation can be called so
MIXED_WORKLOAD_S: Final = 40.0  # some 350 turns: each of 7 operations at 8 sizes has six


def render_mixed_workload(plan: Plan, replay_s: float = MIXED_WORKLOAD_S) -> str:
    """Write the script that runs each operation of a plan at its held-out sizes.

    It loads the isolated scripts that lie beside it.
    """
    text = (resources.files(__package__) / "mixed.py.txt").read_text(encoding="utf-8")
    return Template(text).substitute(
        name=NAME,
        sizes=json.dumps({op_plan.op: op_plan.holdout for op_plan in plan.ops}),
        device=plan.device,
        threads=plan.threads,
        seed=plan.seed,
        replay_s=replay_s,
    )
