"""What a model was fitted to: its runs, and the layers that they measured."""

from dataclasses import dataclass

from .document import Name, Size


@dataclass(frozen=True, slots=True)
class FittedRun:
    """A run that a model was fitted to.

    `points_sha256` is the digest of the file of its points, `sources_sha256` that of the plan and
    the recordings which they were made from; it ends in "-incomplete" where a damaged one was left
    out, and is None where it is unknown. `run_id` is the name of another run's folder than the
    model's own.
    """

    points_sha256: str
    sources_sha256: str | None
    run_id: Name | None = None


@dataclass(frozen=True, slots=True)
class LayerSizes:
    """A layer whose operations were measured, by its sizes; `preset` is only what it is called."""

    preset: str
    hidden: Size
    ffn: Size
    experts: Size
    top_k: Size
    dtype: str
