"""Step times from coefficients of the physics fit: by column, of some by engine and GPU."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from .features.steps import Array
from .rows.serving_rows import ServingRows, columns_of

# Columns whose coefficient belongs to an engine: us per piece, and how far prompts are from the
# peak rate. Within one model the pieces are told apart by the batch alone, so that only their sum
# is known well.
OF_ENGINES: Final = (
    "layers", "requests", "steps", "prefill_layers", "prefill_dense_flops", "prefill_expert_flops",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Physics:
    """Coefficients by column; `by_engine` those of engines, `coefficients` their pooled ones.

    Where a GPU's vendor has its own, `by_vendor` replaces these: under the vendor's name, and under
    that of an engine there (engine_at); those of a type of GPU replace those of its vendor.
    """

    coefficients: dict[str, float]
    by_engine: dict[str, dict[str, float]]
    by_vendor: dict[str, dict[str, float]] = field(default_factory=dict)

    def of_engine(self, engine: str, vendor: str = "", gpu: str = "") -> dict[str, float]:
        """The coefficients for an engine on a type of GPU of a vendor.

        An engine without its own has the pooled ones, on a vendor's GPUs those that it has on
        others; a vendor without its own has those of all, a type of GPU those of its vendor.
        """
        found = self.coefficients | self.by_engine.get(engine, {})
        for place in (vendor, gpu):
            found |= self.by_vendor.get(place, {})
            found |= self.by_vendor.get(engine_at(engine, place), {})
        return found

    def terms_us(self, rows: ServingRows) -> dict[str, Array]:
        """What each column adds to the mean step of each row; each of shape (n,)."""
        columns = columns_of(rows)
        known = [
            self.of_engine(one.engine, one.gpu.vendor, one.gpu_name) for one in rows.deployments
        ]
        return {
            name: np.asarray([own[name] for own in known])[rows.which] * values
            for name, values in columns.items()
        }

    def step_us(self, rows: ServingRows) -> Array:
        """Predict the mean step of each row; of shape (n,)."""
        return np.asarray(sum(self.terms_us(rows).values()))


def engine_at(engine: str, place: str) -> str:
    """The name of an engine on GPUs of a vendor, or of a type, that has its own coefficients."""
    return f"{engine} on {place}"
