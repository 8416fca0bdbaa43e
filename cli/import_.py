"""`moeprof import`: public tables of measurements to a model, through the gates."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..store.errors import BadInput
from ..store.run import Run
from . import render
from .options import DEFAULT_STORE, Json, Store

if TYPE_CHECKING:
    from ..costmodel.imported.aiconfigurator import Selection
    from ..costmodel.imported.tables import ImportedTable


def import_(
    source: Annotated[Literal["aiconfigurator", "vidur"], typer.Argument(help="Whose tables.")],
    path: Annotated[
        Path | None,
        typer.Argument(
            metavar="PATH",
            help="A table or a checkout; for aiconfigurator, the installed package if left out.",
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
    from ..costmodel.build import build_model
    from ..costmodel.imported.aiconfigurator import Selection
    from ..costmodel.imported.tables import points_of, provenance_of
    from ..store.document import write_document
    from ..store.recording import sha256_of
    from ..store.tables import write_table

    if source == "vidur":
        table, name = _vidur(path, tensor_parallel, commit)
    else:
        families = tuple(word.strip() for word in ops.split(","))
        wanted = Selection(gpu, framework, version, dtype, families)
        table, name = _aiconfigurator(path, wanted, commit)
    points, origin = points_of(table)
    run = Run(store / f"import-{name}")
    write_table(run.table("points"), "points", points)
    model = build_model(
        points,
        preset=name,
        provenance=provenance_of(table),
        points_sha256=sha256_of(run.table("points")),
        origin=origin,
    )
    write_document(run.model_path, model)
    render.say(f"model: {run.model_path}")
    for remark in origin.remarks:
        render.warn(remark)
    if json:
        remarks = list(origin.remarks)
        render.data({"model": str(run.model_path), "curves": len(model.curves), "remarks": remarks})
        return
    render.say(
        f"{points.num_rows} points of {origin.project} ({origin.licence}, commit {origin.commit}),"
        f" {len(model.curves)} curves on {table.gpu}"
    )


def _vidur(path: Path | None, tensor_parallel: int, commit: str) -> "tuple[ImportedTable, str]":
    """Read vidur's table, and name it."""
    from ..costmodel.imported.vidur import read_vidur

    if path is None:
        raise BadInput("vidur needs a PATH", hint="name a mlp.csv of its profiling data")
    table = read_vidur(path, tensor_parallel, commit)
    folder = path.resolve().parent.name
    return table, f"vidur-{table.gpu.lower()}-{folder}-tp{tensor_parallel}"


def _aiconfigurator(
    path: Path | None, wanted: "Selection", commit: str
) -> "tuple[ImportedTable, str]":
    """Read aiconfigurator's tables, and name them."""
    from ..costmodel.imported.aiconfigurator import read_aiconfigurator

    root, state = _package() if path is None else (path, commit)
    table = read_aiconfigurator(root, wanted, state)
    gpu = wanted.gpu or table.gpu.replace(" ", "-")
    parts = ["aiconfigurator", gpu, *table.versions.popitem(), wanted.dtype]
    return table, "-".join(parts).lower()


def _package() -> tuple[Path, str]:
    """Find the installed aiconfigurator-core, and its version. Raises BadInput without it."""
    from importlib import metadata, util

    found = util.find_spec("aiconfigurator_core")
    if found is None or not found.submodule_search_locations:
        raise BadInput(
            "the package aiconfigurator-core is not installed here",
            hint="install it, or name a checkout or one of its tables",
        )
    version = metadata.version("aiconfigurator-core")
    return Path(found.submodule_search_locations[0]), f"aiconfigurator-core {version}"
