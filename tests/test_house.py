"""The layout of the code: imports run downwards, functions and files are short, the wheel whole."""

import ast
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = [  # top to bottom; router, models and experiments have their place, and come later
    {"cli"},
    {"pipeline"},
    {"experiments"},
    {"report", "compare", "doctor", "models"},
    {"profiler", "router"},
    {"scenarios", "parsers", "costmodel"},
    {"energy"},
    {"kernels", "device", "stats"},
    {"store"},
]
FLOOR_OF = {room: floor for floor, rooms in enumerate(reversed(FLOORS)) for room in rooms}
NOT_SOURCE = {".path", ".venv", "artifacts", "build", "dist"}

Module = tuple[str, ...]


def _source_files() -> list[Path]:
    return [path for room in FLOOR_OF for path in sorted((ROOT / room).rglob("*.py"))]


@cache  # most tests walk through every file
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _module(path: Path) -> Module:
    """Name a file's module by its parts below the package: ("parsers", "nsys", "export")."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def imported_modules(tree: ast.AST, package: Module, modules: set[Module]) -> Iterator[Module]:
    """Resolve each relative import of a file in `package`, at any depth, to a module or package."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        base = package[: len(package) + 1 - node.level]
        target = (*base, *node.module.split(".")) if node.module else base
        for name in node.names:
            whole = (*target, name.name)
            yield whole if whole in modules else target


@cache
def _imports() -> dict[Module, set[Module]]:
    paths = {_module(path): path for path in _source_files()}
    packages = {name[:depth] for name in paths for depth in range(1, len(name))}
    found: dict[Module, set[Module]] = {}
    for name, path in paths.items():
        package = _module(path.with_name("__init__.py"))
        found[name] = {
            other for other in imported_modules(_tree(path), package, {*paths, *packages}) if other
        }
    return found


def upward_imports(imports: Mapping[Module, set[Module]]) -> list[str]:
    """Imports of a room on the same floor or above."""
    return [
        f"{'.'.join(name)} imports {'.'.join(other)}"
        for name, others in imports.items()
        for other in sorted(others)
        if other[0] != name[0] and FLOOR_OF[other[0]] >= FLOOR_OF[name[0]]
    ]


def circles(imports: Mapping[Module, set[Module]]) -> list[str]:
    """Circles among the files and folders that stand side by side in any folder."""
    siblings: defaultdict[Module, defaultdict[str, set[str]]] = defaultdict(
        lambda: defaultdict(set)
    )
    for name, others in imports.items():
        for other in others:
            depth = next(
                (at for at, (a, b) in enumerate(zip(name, other, strict=False)) if a != b), None
            )
            if depth is not None:
                siblings[name[:depth]][name[depth]].add(other[depth])
    found = []
    for folder, graph in siblings.items():
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            found.append(f"{'/'.join(folder) or '.'}: {' -> '.join(error.args[1])}")
    return found


def test_imports_run_downwards() -> None:
    assert upward_imports(_imports()) == []


def test_commands_import_stages_reports_and_files_alone() -> None:
    """Imports under TYPE_CHECKING count too."""
    rooms = {
        (name, other[0])
        for name, others in _imports().items()
        for other in others
        if name[0] == "cli" and other[0] not in {"cli", "pipeline", "report", "store"}
    }
    assert rooms == set()


def test_only_the_command_line_imports_typer_and_rich() -> None:
    users = {
        path.relative_to(ROOT).parts[0]
        for path in _source_files()
        for node in ast.walk(_tree(path))
        for name in _absolute_imports(node)
        if name.partition(".")[0] in {"typer", "rich"}
    }
    assert users == {"cli"}


def _absolute_imports(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []


def test_no_imports_run_in_a_circle() -> None:
    assert circles(_imports()) == []


@pytest.mark.parametrize(
    ("package", "line", "target"),
    [
        (("parsers",), "from .events import Trace", ("parsers", "events")),
        (("parsers",), "from ..cli import render", ("cli", "render")),
        (("parsers", "nsys"), "from ..events import Trace", ("parsers", "events")),
        (("parsers", "nsys"), "from ...cli.render import say", ("cli", "render")),
        (("parsers", "nsys"), "from ... import cli", ("cli",)),
    ],
)
def test_a_relative_import_is_resolved_at_every_depth(
    package: Module, line: str, target: Module
) -> None:
    known = {("parsers", "events"), ("cli", "render"), ("cli",)}
    assert list(imported_modules(ast.parse(line), package, known)) == [target]


def test_an_upward_import_of_a_subfolder_is_seen() -> None:
    inner: Module = ("parsers", "nsys", "export")
    assert upward_imports({inner: {("cli", "render")}}) == [
        "parsers.nsys.export imports cli.render"
    ]
    assert upward_imports({inner: {("store", "errors"), ("parsers", "events")}}) == []


def test_a_circle_of_a_folder_and_a_file_beside_it_is_seen() -> None:
    imports: dict[Module, set[Module]] = {
        ("costmodel", "curve", "fit"): {("costmodel", "roofline")},
        ("costmodel", "roofline"): {("costmodel", "curve", "arrays")},
    }
    assert len(circles(imports)) == 1
    assert circles({name: others for name, others in list(imports.items())[:1]}) == []


def test_every_room_has_a_floor() -> None:
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert rooms <= set(FLOOR_OF)


def test_every_package_is_in_the_wheel() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = [path.parent.relative_to(ROOT).parts for path in ROOT.glob("**/__init__.py")]
    found = {".".join(("moeprof", *f)) for f in folders if not NOT_SOURCE & set(f)}
    assert found == set(listed)


def test_the_link_leads_to_the_root() -> None:
    assert (ROOT / ".path" / "moeprof").is_symlink()
    assert (ROOT / ".path" / "moeprof").resolve() == ROOT.resolve()


def test_only_one_door_leads_to_processes() -> None:
    users = {
        str(path.relative_to(ROOT))
        for path in _source_files()
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Import) and any(name.name == "subprocess" for name in node.names)
    }
    assert users == {"profiler/process/supervised.py", "profiler/process/outliving.py"}


def test_only_render_prints() -> None:
    printers = {
        str(path.relative_to(ROOT))
        for path in _source_files()
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    }
    assert printers == set()


def function_lengths() -> dict[str, int]:
    """Lines of each function of the package, but of Triton kernels, which spell arguments out."""
    return {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for path in _source_files()
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and not any("jit" in ast.unparse(decorator) for decorator in node.decorator_list)
    }


def test_functions_are_short() -> None:
    lengths = function_lengths()
    assert {name: lines for name, lines in lengths.items() if lines > 60} == {}
    assert sum(lengths.values()) / len(lengths) <= 11
    assert sorted(lengths.values())[int(0.95 * len(lengths))] <= 29


def test_files_and_folders_are_small() -> None:
    files = _source_files()
    lines = {str(path.relative_to(ROOT)): path.read_text().count("\n") for path in files}
    assert {name: count for name, count in lines.items() if count > 300} == {}
    modules = Counter(path.parent for path in files if path.name != "__init__.py")
    assert {str(folder): count for folder, count in modules.items() if count > 15} == {}
