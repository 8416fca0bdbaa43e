"""A small folder of rows and models in the form of the public ones."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

HEADER = (
    "model,L,d,h,kv,hd,ff,vocab,E,k,mff,shared_ff,dense_first,moe_every,full_attn,window,gated,"
    "tied,lin_attn_params,topk_ctx,mla_kv_lora,mla_q_lora,mla_rope,mla_nope,mla_v\n"
)
MODELS = (
    "llama-3-8b,32,4096,32,8,128,14336,128256,0,0,0,0,0,1,1.0,0,3,0,0,0,,,,,\n"
    "mixtral-8x7b,32,4096,32,8,128,0,32000,8,2,14336,0,0,1,1.0,0,3,0,0,0,,,,,\n"
)

LARGE = ("mixtral-8x7b", "H100")  # 93 GB in bf16: two GPUs
TDP_W = {"H100": 700.0, "H200": 700.0, "B200": 1000.0}


def public_folder(folder: Path, *, tpot_factor: float = 1.0, power_factor: float = 1.0) -> Path:
    """Write 36 rows of six configurations, whose GPUs take more of their TDP as batches grow.

    Times per token are multiplied by `tpot_factor`, powers by `power_factor`.
    """
    (folder / "models.csv").write_text(HEADER + MODELS)
    fixed = {
        "source": "s", "n_gpu": 1, "tp": 1, "ep": 1, "dp": 1, "precision": "bf16",
        "engine": "vllm", "engine_version": "0.12.0", "task": "random", "batch_kind": "max_conc",
        "isl": 800.0, "osl": 400.0, "ctx": 1000.0, "itl_ms": None, "pf_tok_s": None,
        "power_scope": "gpu_all", "tput_tok_s": None,
    }  # fmt: skip
    rows = []
    for place, (model, gpu) in enumerate(
        (model, gpu) for model in ("llama-3-8b", "mixtral-8x7b") for gpu in ("H100", "H200", "B200")
    ):
        for at in range(6):
            base = (9.0 if model == "llama-3-8b" else 30.0) + 0.2 * 2**at
            base *= 0.96 + 0.02 * ((3 * place + 2 * at) % 5)  # noise
            gpus = 2 if (model, gpu) == LARGE else 1
            share = (0.4 + 0.06 * at) * (0.98 + 0.02 * ((2 * place + at) % 3))
            rows.append(
                fixed
                | {"row_id": f"{place}:{at}", "model": model, "gpu": gpu, "batch": 2.0**at}
                | {"n_gpu": gpus, "tp": gpus, "tpot_ms": tpot_factor * base}
                | {"power_w": power_factor * gpus * TDP_W[gpu] * share}
            )
    table = pa.table({name: [row[name] for row in rows] for name in rows[0]})
    pq.write_table(table, folder / "serving_rows.parquet")
    return folder
