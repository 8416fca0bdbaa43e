"""Sizes of the models of public results: the `models.csv` beside their rows."""

import csv
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Final

from ....store.errors import BadInput, naming, shortened
from ....store.files import read_text
from ....store.serving.whole_model import Experts, LatentAttention, StateLayers, WholeModel

_MOST_BYTES: Final = 64 << 20
_BYTE_ORDER_MARK: Final = "\ufeff"
_LATENT: Final = ("mla_kv_lora", "mla_q_lora", "mla_rope", "mla_nope", "mla_v")
_COLUMNS: Final = (
    "model", "L", "d", "h", "kv", "hd", "ff", "vocab", "E", "k", "mff", "shared_ff", "dense_first",
    "moe_every", "full_attn", "window", "gated", "tied", "lin_attn_params", "topk_ctx", *_LATENT,
)  # fmt: skip


def read_models(path: Path) -> dict[str, WholeModel]:
    """Read the models of a `models.csv` by name.

    Raises BadInput where it is no such table, holds no model, or one twice with other sizes.
    """
    models: dict[str, WholeModel] = {}
    with naming(path, hint="correct the table, or give each model's config.json in models/NAME"):
        text = read_text(path, _MOST_BYTES).removeprefix(_BYTE_ORDER_MARK)
        table = csv.DictReader(StringIO(text))
        if lacking := [key for key in _COLUMNS if key not in (table.fieldnames or ())]:
            raise BadInput(f"the table has no column {', '.join(lacking)}, parted by commas")
        for row in table:
            model = _read(row, table.line_num)
            if models.setdefault(model.name, model) != model:
                raise BadInput(f"the model {model.name} is there twice, with other sizes")
        if not models:
            raise BadInput("the table holds no model")
    return models


def _read(row: Mapping[str, str], line: int) -> WholeModel:
    try:
        return _model(row)
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise BadInput(f"line {line} is no model: {shortened(str(error))}") from error


def _model(row: Mapping[str, str]) -> WholeModel:
    def whole(key: str) -> int:
        return int(float(row[key] or 0))

    layers, latent = whole("L"), None
    routed = (layers - whole("dense_first")) // whole("moe_every")
    experts = Experts(whole("E"), whole("k"), whole("mff"), routed, whole("shared_ff"))
    if row["mla_kv_lora"]:
        latent = LatentAttention(*(whole(part) for part in _LATENT))
    full = round(layers * float(row["full_attn"]))
    linear = whole("lin_attn_params")
    return WholeModel(
        name=row["model"],
        layers=layers,
        hidden_size=whole("d"),
        heads=whole("h"),
        kv_heads=whole("kv"),
        head_dim=whole("hd"),
        intermediate_size=whole("ff"),
        vocabulary=whole("vocab"),
        full_layers=full,
        window_tokens=whole("window"),
        sparse_tokens=whole("topk_ctx"),
        ffn_matrices=whole("gated"),
        tied=bool(whole("tied")),
        experts=experts if whole("E") else None,
        latent=latent,
        states=StateLayers("linear attention", layers - full, linear) if linear else None,
    )
