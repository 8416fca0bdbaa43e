"""Public tables of measurements to a model, through the same gates as our own points."""

import re
from dataclasses import dataclass, fields
from importlib import metadata, util
from pathlib import Path
from typing import Final, Literal, get_args

import pyarrow as pa

from ..costmodel.build import build_model
from ..costmodel.imported.aiconfigurator import FAMILIES, Selection, read_aiconfigurator
from ..costmodel.imported.source_rows import ImportedTable
from ..costmodel.imported.tables import points_of, provenance_of
from ..costmodel.imported.vidur import read_vidur
from ..store.cost_model import Origin
from ..store.disk.temporary import scratch_folder
from ..store.document import to_json
from ..store.errors import BadInput, check_type, naming, path_argument, shortened
from ..store.files import write_whole
from ..store.recording import sha256_of
from ..store.run import DEFAULT_STORE, Run
from ..store.tables.parquet import write_table

_LONGEST_NAME: Final = 150
_LONGEST_OPTION: Final = 200  # characters
_FITTING: Final = "name a table of aiconfigurator, or a mlp.csv of vidur, as it was published"
Source = Literal["aiconfigurator", "vidur"]
_OPTIONS_OF: Final = {
    "aiconfigurator": ("gpu", "framework", "version", "dtype", "ops"),
    "vidur": ("tensor_parallel",),
}
_SHARED: Final = ("source", "path", "commit")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """Which tables to import.

    `path` is a table or a checkout; of aiconfigurator, the installed package where None. `gpu`,
    `framework`, `version`, `dtype` and `ops` ("gemm", "moe" or both by comma) select rows of
    aiconfigurator; `tensor_parallel` is the number of GPUs that share a layer of vidur. `commit` is
    that of the source, kept in the model.

    Raises BadInput for a value of another type, a text that is no printable line, a parallelism
    below 1, and an option of the other source.
    """

    source: Source
    path: Path | str | None = None
    gpu: str | None = None
    framework: str | None = None
    version: str | None = None
    dtype: str = "bfloat16"
    ops: str = "gemm,moe"
    tensor_parallel: int = 1
    commit: str = "unknown"

    def __post_init__(self) -> None:
        for field in fields(self):
            types = (str,) if field.name == "source" else get_args(field.type) or (field.type,)
            check_type(field.name, getattr(self, field.name), *types)
            self._check(field.name)
        if self.source not in _OPTIONS_OF:
            raise BadInput(
                f"source is {shortened(repr(self.source))}",
                hint=f"it must be one of {', '.join(_OPTIONS_OF)}",
            )
        for field in fields(self):
            value, own = getattr(self, field.name), _OPTIONS_OF[self.source]
            if field.name not in (*_SHARED, *own) and value != field.default:
                option = f"--{field.name.replace('_', '-')}"
                raise BadInput(
                    f"{option} is {shortened(repr(value))}, and {self.source} has no such option",
                    hint="leave it out",
                )

    def _check(self, name: str) -> None:
        """Refuse a text that is not one printable line, one too long, and a number below 1."""
        value = getattr(self, name)
        shown = shortened(repr(value))
        if isinstance(value, str | Path) and not (str(value) and str(value).isprintable()):
            raise BadInput(
                f"{name} is {shown}, and must be one line of printable text",
                hint="rename what has that name" if name == "path" else "write it anew",
            )
        if isinstance(value, str) and name != "path" and len(value) > _LONGEST_OPTION:
            raise BadInput(
                f"{name} is {shown}, and has more than {_LONGEST_OPTION} characters",
                hint="shorten it",
            )
        if isinstance(value, int) and value < 1:
            raise BadInput(f"{name} is {shown}, and must be at least 1", hint="leave it out for 1")


@dataclass(frozen=True, slots=True)
class ImportedModel:
    """A model of published measurements.

    `points` and `curves` are counts; `origin.remarks` are what to warn of.
    """

    path: Path
    points: int
    curves: int
    gpu: str
    origin: Origin


def import_tables(options: ImportOptions, *, store: Path | str = DEFAULT_STORE) -> ImportedModel:
    """Make a model of measurements that others published, in a folder of its own below `store`.

    Raises BadInput where there are no such tables, or their rows contradict each other or physics.
    """
    folder = path_argument("store", store)
    with naming(Path(options.path) if options.path else "", hint=_FITTING):
        table, name = _vidur(options) if options.source == "vidur" else _aiconfigurator(options)
        points, origin = points_of(table)
        model = build_model(
            points,
            preset=name,
            provenance=provenance_of(table),
            points_sha256=_sha256_of_table(points),
            origin=origin,
        )
    if not model.curves:
        raise BadInput(
            f"{options.path or 'the package'} gives no curve: {'; '.join(origin.remarks)}",
            hint="name a table with two batch sizes or more of one shape",
        )
    text = to_json(model)  # nothing is written before both are made
    run = Run(folder / f"import-{name}")
    write_table(run.table("points"), "points", points)
    write_whole(run.model_path, text)
    return ImportedModel(run.model_path, points.num_rows, len(model.curves), table.gpu, origin)


def _sha256_of_table(points: pa.Table) -> str:
    """Digest of the file that the table will be: nothing is kept of one that gives no model."""
    with scratch_folder() as folder:
        write_table(folder / "points.parquet", "points", points)
        return sha256_of(folder / "points.parquet")


def _vidur(options: ImportOptions) -> tuple[ImportedTable, str]:
    """Read vidur's table, and name it."""
    if options.path is None:
        raise BadInput("vidur needs a PATH", hint="name a mlp.csv of its profiling data")
    path = Path(options.path)
    table = read_vidur(path, options.tensor_parallel, options.commit)
    folder = path.resolve().parent.name
    return table, _name("vidur", table.gpu, folder, f"tp{options.tensor_parallel}")


def _aiconfigurator(options: ImportOptions) -> tuple[ImportedTable, str]:
    """Read aiconfigurator's tables, and name them."""
    families = tuple(dict.fromkeys(word.strip() for word in options.ops.split(",")))
    selection = Selection(options.gpu, options.framework, options.version, options.dtype, families)
    root, commit = _package() if options.path is None else (Path(options.path), options.commit)
    table = read_aiconfigurator(root, selection, commit)
    gpu = (selection.gpu if root.is_dir() else None) or table.gpu  # a lone file names its GPU
    ((framework, release),) = table.versions.items()
    found = {row.scenario.op.partition("_")[0] for row in table.rows}
    some = sorted(found) if found < {*FAMILIES} else []
    return table, _name("aiconfigurator", gpu, framework, release, selection.dtype, *some)


def _name(*parts: str) -> str:
    """The name of a folder from what a table says of itself, which may be any text."""
    slugs = (re.sub(r"(?:[^a-z0-9._]|\.{2,})+", "-", part.lower()).strip("-.") for part in parts)
    return "-".join(filter(None, slugs))[:_LONGEST_NAME]


def _package() -> tuple[Path, str]:
    """Find the installed aiconfigurator-core, and its version. Raises BadInput without it."""
    found = util.find_spec("aiconfigurator_core")
    if found is None or not found.submodule_search_locations:
        raise BadInput(
            "the package aiconfigurator-core is not installed here",
            hint="install it, or name a checkout or one of its tables",
        )
    version = metadata.version("aiconfigurator-core")
    return Path(found.submodule_search_locations[0]), f"aiconfigurator-core {version}"
