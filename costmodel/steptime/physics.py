"""Step times from coefficients of the physics fit: one per column, of some one per engine."""

from dataclasses import dataclass
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
    """Coefficients by column; `by_engine` those of engines, `coefficients` their pooled ones."""

    coefficients: dict[str, float]
    by_engine: dict[str, dict[str, float]]

    def of_engine(self, engine: str) -> dict[str, float]:
        """The coefficients for an engine; one without its own has the pooled ones."""
        return self.coefficients | self.by_engine.get(engine, {})

    def terms_us(self, rows: ServingRows) -> dict[str, Array]:
        """What each column adds to the mean step of each row; each of shape (n,)."""
        columns, engines = columns_of(rows), rows.engines
        terms = {name: np.zeros(len(rows)) for name in columns}
        for engine in np.unique(engines):
            at, known = engines == engine, self.of_engine(str(engine))
            for name, values in columns.items():
                terms[name][at] = known[name] * values[at]
        return terms

    def step_us(self, rows: ServingRows) -> Array:
        """Predict the mean step of each row; of shape (n,)."""
        return np.asarray(sum(self.terms_us(rows).values()))
