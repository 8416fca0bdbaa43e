"""`moeprof import`: public tables of measurements to a model, through the gates."""

from typing import Annotated, Literal

import typer

from . import render
from .options import DEFAULT_STORE, Json, Store


def import_(
    source: Annotated[Literal["aiconfigurator", "vidur"], typer.Argument(help="Whose tables.")],
    path: Annotated[
        str | None,
        typer.Argument(
            metavar="PATH",
            help="vidur: a mlp.csv. aiconfigurator: a table or a checkout; if left out, the"
            " installed package.",
        ),
    ] = None,
    gpu: Annotated[str | None, typer.Option(help="aiconfigurator: for example h200_sxm.")] = None,
    framework: Annotated[
        str | None, typer.Option(help="aiconfigurator: vllm, sglang or trtllm.")
    ] = None,
    version: Annotated[
        str | None, typer.Option(help="aiconfigurator: version of the framework.")
    ] = None,
    dtype: Annotated[
        str, typer.Option(help="aiconfigurator: bfloat16, fp8 or fp8_block.")
    ] = "bfloat16",
    ops: Annotated[
        str, typer.Option(help="aiconfigurator: gemm, moe, or both by comma.")
    ] = "gemm,moe",
    tensor_parallel: Annotated[int, typer.Option(help="vidur: GPUs that share a layer.")] = 1,
    commit: Annotated[
        str, typer.Option(help="Commit of the source, to be kept in the model.")
    ] = "unknown",
    store: Store = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """Make a model of measurements that others published."""
    from ..pipeline.import_tables import ImportOptions, import_tables

    options = ImportOptions(
        source=source,
        path=path,
        gpu=gpu,
        framework=framework,
        version=version,
        dtype=dtype,
        ops=ops,
        tensor_parallel=tensor_parallel,
        commit=commit,
    )
    made = import_tables(options, store=store)
    origin = made.origin
    render.say(f"model: {made.path}")
    for remark in origin.remarks:
        render.warn(remark)
    if json:
        remarks = list(origin.remarks)
        render.data({"model": str(made.path), "curves": made.curves, "remarks": remarks})
        return
    render.say(
        f"{made.points} points of {origin.project} ({origin.licence}, commit {origin.commit}),"
        f" {made.curves} curves on {made.gpu}"
    )
