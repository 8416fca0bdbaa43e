"""Requests whose delays were measured, as arrays."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np

from ....store.errors import BadInput
from ....store.serving.whole_model import WholeModel
from ..features.columns import kv_us
from ..features.deployment import Deployment, Split, deployment
from ..features.steps import Array, Steps
from ..rows.public_table import engine_generation
from ..rows.serving_rows import Strings

_NUMBERS: Final = (
    "time_s", "arrival_us", "wait_us", "token_us", "delivery_us", "prompt_tokens",
    "context_tokens", "waiting", "running", "kv_ratio", "recent_preemptions",
)  # fmt: skip
_SERVED: Final = ("model", "gpu", "precision", "engine", "engine_version", "tp", "ep", "dp")


@dataclass(frozen=True, slots=True)
class Journeys:
    """n requests; arrays have shape (n,), NaN where unknown.

    `run` names the file and the engine of each. `columns` are the numbers of
    store/serving/journeys_table.py, and `kv_read_us`: reading the context of one request once, at
    the peak rate of the memory.
    """

    run: Strings
    columns: Mapping[str, Array]

    def __len__(self) -> int:
        """Number of requests."""
        return len(self.run)

    @classmethod
    def of_table(cls, table: Mapping[str, list[Any]], models: Mapping[str, WholeModel]) -> Self:
        """From `journeys.parquet` as lists by column.

        Raises BadInput for an unknown model, GPU or precision.
        """
        columns = {
            name: np.asarray(
                [np.nan if value is None else value for value in table[name]], dtype=np.float64
            )
            for name in _NUMBERS
        }
        read_us = np.full(len(table["name"]), np.nan)
        keys = list(zip(*(table[name] for name in _SERVED), strict=True))
        for key in dict.fromkeys(keys):
            at = np.asarray([one == key for one in keys])
            read_us[at] = kv_read_us(_deployment(key, models), columns["context_tokens"][at])
        files = [name.partition(":")[0] for name in table["name"]]
        run = [f"{file} {engine}" for file, engine in zip(files, table["engine_run"], strict=True)]
        return cls(np.asarray(run, dtype=np.str_), columns | {"kv_read_us": read_us})


def kv_read_us(served: Deployment, context_tokens: Array) -> Array:
    """Reading the cache of one request's context at the memory's peak rate; us, of shape (n,)."""
    one = np.full(len(context_tokens), float(served.dp))
    return kv_us(served, Steps.decode(one, context_tokens))


def _deployment(key: tuple[Any, ...], models: Mapping[str, WholeModel]) -> Deployment:
    model, gpu, precision, engine, version, tp, ep, dp = key
    if model not in models:
        raise BadInput(
            f"journeys are of the model {model}, and the folder has none of that name",
            hint="put its config.json into models/NAME/ of the folder",
        )
    generation = engine_generation(engine, version or "")
    return deployment(models[model], gpu, precision, generation, Split(tp, ep, dp))
