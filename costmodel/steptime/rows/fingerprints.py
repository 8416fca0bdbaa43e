"""What a measured row is known by, so that rows which a fit had are no test of it.

By its content: a row that was renamed, or copied to another table, is the same measurement.
"""

import hashlib

import numpy as np

from .serving_rows import ServingRows, Strings

DIGITS = 8  # one in 400,000 other rows is taken for one of 10,000


def fingerprints(rows: ServingRows) -> Strings:
    """The fingerprint of each row: of its deployment, its work and its times; of shape (n,)."""
    steps = rows.steps
    measured = zip(
        rows.configurations, rows.version, steps.running, steps.context_tokens,
        steps.prefill_tokens, rows.step_us, rows.decode_us, strict=True,
    )  # fmt: skip
    return np.asarray([_digest(*one) for one in measured], dtype=f"<U{DIGITS}")


def _digest(configuration: str, version: str, *numbers: float) -> str:
    text = " | ".join([configuration, version, *(f"{number:.6g}" for number in numbers)])
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]
