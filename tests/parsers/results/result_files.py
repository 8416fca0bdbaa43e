"""Small results of benchmarks, made by hand after their formats."""

import json
from pathlib import Path
from typing import Any

from moeprof.parsers.results.record import Record

# 320 requests of 1000 prompt and 200 output tokens, 32 at once, on a server of 38 ms a token.
VLLM_SERVE: dict[str, Any] = {
    "date": "20251130-221530", "endpoint_type": "openai", "backend": "openai", "label": None,
    "model_id": "meta-llama/Llama-3.1-8B-Instruct", "tokenizer_id": "x", "num_prompts": 320,
    "request_rate": "inf", "burstiness": 1.0, "max_concurrency": 32, "duration": 80.0,
    "completed": 320, "failed": 0, "total_input_tokens": 320_000, "total_output_tokens": 64_000,
    "request_throughput": 4.0, "request_goodput": None, "output_throughput": 800.0,
    "total_token_throughput": 4800.0, "mean_ttft_ms": 120.0, "median_ttft_ms": 100.0,
    "std_ttft_ms": 9.0, "p99_ttft_ms": 400.0, "mean_tpot_ms": 38.0, "median_tpot_ms": 37.5,
    "std_tpot_ms": 1.0, "p99_tpot_ms": 41.0, "mean_itl_ms": 38.0, "median_itl_ms": 30.0,
    "std_itl_ms": 20.0, "p99_itl_ms": 90.0,
}  # fmt: skip


VLLM_LATENCY: dict[str, Any] = {
    "avg_latency": 2.1, "latencies": [2.0, 2.1, 2.0, 2.2, 2.0],
    "percentiles": {"10": 2.0, "50": 2.0, "90": 2.2},
}  # fmt: skip
VLLM_THROUGHPUT: dict[str, Any] = {
    "elapsed_time": 50.0, "num_requests": 200, "total_num_tokens": 240_000,
    "requests_per_second": 4.0, "tokens_per_second": 4800.0,
}  # fmt: skip

# The same load as VLLM_SERVE's, by SGLang's client.
SGLANG_SERVING: dict[str, Any] = {
    "tag": None, "backend": "sglang", "dataset_name": "random", "request_rate": float("inf"),
    "max_concurrency": 32, "sharegpt_output_len": None, "random_input_len": 1000,
    "random_output_len": 200, "random_range_ratio": 1.0,
    "server_info": {
        "model_path": "deepseek-ai/DeepSeek-V3", "tp_size": 8, "dp_size": 1, "ep_size": 8,
        "pp_size": 1, "enable_dp_attention": False, "quantization": "fp8", "version": "0.5.9",
        "chunked_prefill_size": 8192, "speculative_algorithm": None,
        "disaggregation_mode": "null",
    },
    "duration": 80.0, "completed": 320, "total_input_tokens": 320_000,
    "total_output_tokens": 64_000, "total_output_tokens_retokenized": 63_990,
    "request_throughput": 4.0, "input_throughput": 4000.0, "output_throughput": 800.0,
    "mean_e2e_latency_ms": 7720.0, "median_e2e_latency_ms": 7700.0, "mean_ttft_ms": 120.0,
    "median_ttft_ms": 100.0, "mean_tpot_ms": 38.0, "median_tpot_ms": 37.5, "mean_itl_ms": 38.0,
    "median_itl_ms": 30.0, "concurrency": 30.9, "accept_length": None,
}  # fmt: skip
ONE_BATCH: dict[str, Any] = {
    "run_name": "default", "batch_size": 16, "input_len": 1024, "output_len": 100,
    "prefill_latency": 0.5, "prefill_throughput": 32768.0, "median_decode_latency": 0.02,
    "median_decode_throughput": 800.0, "total_latency": 2.5, "overall_throughput": 7193.6,
}  # fmt: skip
ONE_BATCH_SERVER: dict[str, Any] = {
    "run_name": "default", "batch_size": 16, "input_len": 1024, "output_len": 100, "latency": 2.5,
    "input_throughput": 32768.0, "output_throughput": 800.0, "overall_throughput": 7193.6,
    "last_ttft": 0.5, "last_gen_throughput": 790.0, "acc_length": -1, "cache_hit_rate": None,
}  # fmt: skip

MLENERGY_V2: dict[str, Any] = {
    "Model": "google/gemma-2-27b-it", "GPU": "NVIDIA H100 80GB HBM3", "TP": 2, "PP": 1,
    "Energy/req (J)": 160.0, "Avg TPOT (s)": 0.09, "Token tput (tok/s)": 1400.0,
    "Avg Output Tokens": 400.0, "Avg BS (reqs)": 127.0, "Max BS (reqs)": 128,
}  # fmt: skip
MLENERGY_V3: dict[str, Any] = {
    "activated_params_billions": 22.0, "architecture": "MoE",
    "configurations": [
        {
            "avg_batch_size": 16.0, "avg_output_len": 870.0, "avg_power_watts": 1800.0,
            "energy_per_request_joules": 4000.0, "energy_per_token_joules": 4.6,
            "gpu_model": "B200", "max_num_seqs": 16, "median_itl_ms": 39.0, "num_gpus": 2,
            "output_length_distribution": {"bins": [1.0, 2.0], "counts": [1]},
            "output_throughput_tokens_per_sec": 400.0, "p90_itl_ms": 41.0,
            "parallelization": {
                "data_parallel": 1, "expert_parallel": 2, "notes": "", "tensor_parallel": 1,
            },
        },
        {
            "avg_batch_size": 64.0, "avg_output_len": 870.0, "avg_power_watts": 3000.0,
            "gpu_model": "B200", "max_num_seqs": 64, "median_itl_ms": 50.0, "num_gpus": 4,
            "output_throughput_tokens_per_sec": 1280.0,
            "parallelization": {"data_parallel": 4, "expert_parallel": 4, "tensor_parallel": 1},
        },
    ],
    "model_id": "Qwen/Qwen3-235B-A22B-Instruct-2507-FP8",
    "output_length_distribution": {"bins": [1.0, 2.0], "counts": [2]}, "task": "lm-arena-chat",
    "total_params_billions": 235.0, "weight_precision": "fp8",
}  # fmt: skip
MLENERGY_BENCHMARK: dict[str, Any] = VLLM_SERVE | {
    "gpu_model": "H100", "num_gpus": 2, "max_num_seqs": 32, "max_num_batched_tokens": 8192,
    "steady_state_duration": 60.0, "steady_state_energy": 60_000.0,
    "steady_state_energy_per_token": 1.25,
}  # fmt: skip

# Eight GPUs, 32 requests at once of 900 prompt and 180 output tokens.
INFERENCEX: dict[str, Any] = {
    "hw": "b200-trt", "conc": 32, "image": "nvcr.io#nvidia/tensorrt-llm/release:1.2.0rc2",
    "model": "nvidia/DeepSeek-R1-0528-FP4-V2", "infmax_model_prefix": "dsr1", "framework": "trt",
    "precision": "fp4", "spec_decoding": "none", "disagg": False, "isl": 1000, "osl": 200,
    "is_multinode": False, "tp": 8, "ep": 8, "dp_attention": "false", "tput_per_gpu": 600.0,
    "output_tput_per_gpu": 100.0, "input_tput_per_gpu": 500.0, "mean_ttft": 0.4,
    "median_ttft": 0.3, "mean_tpot": 0.035, "median_tpot": 0.034, "mean_itl": 0.6,
    "median_itl": 0.7, "mean_e2el": 6.665, "median_e2el": 6.6, "avg_power_w": 700.0,
}  # fmt: skip
INFERENCEX_API: dict[str, Any] = {
    "hardware": "mi355x", "framework": "sglang", "model": "dsr1", "precision": "fp4",
    "spec_method": "none", "disagg": False, "is_multinode": False, "prefill_tp": 4,
    "prefill_ep": 1, "prefill_dp_attention": False, "prefill_num_workers": 0, "decode_tp": 4,
    "decode_ep": 1, "decode_dp_attention": False, "decode_num_workers": 0, "num_prefill_gpu": 4,
    "num_decode_gpu": 4, "isl": 1024, "osl": 1024, "conc": 4,
    "image": "lmsysorg/sglang:v0.5.12-rocm700-mi35x",
    "metrics": {
        "mean_tpot": 0.0096, "mean_ttft": 0.17, "mean_e2el": 9.0, "median_itl": 0.0094,
        "tput_per_gpu": 199.0, "output_tput_per_gpu": 99.0, "input_tput_per_gpu": 100.0,
        "avg_power_w": 628.9,
    },
    "date": "2026-06-11", "run_url": "https://example.org/1",
}  # fmt: skip

# One record of each format, in the order in which they are tried.
ALL_FORMATS: tuple[dict[str, Any], ...] = (
    MLENERGY_BENCHMARK, SGLANG_SERVING, VLLM_SERVE, VLLM_LATENCY, VLLM_THROUGHPUT, ONE_BATCH,
    ONE_BATCH_SERVER, MLENERGY_V2, MLENERGY_V3, INFERENCEX, INFERENCEX_API,
)  # fmt: skip


def record(data: dict[str, Any]) -> Record:
    """One object as it stands in a file."""
    return Record(Path("result.json"), "digest:0", "", data)


def written(path: Path, data: Any) -> Path:
    """A file of JSON."""
    path.write_text(json.dumps(data))
    return path
