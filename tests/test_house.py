"""The house holds: imports run downwards, every package is in the wheel, the link is there."""

import ast
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
FLOORS = [  # top to bottom
    {"cli"},
    {"report", "compare"},
    {"profiler"},
    {"scenarios", "parsers", "costmodel"},
    {"kernels", "device"},
    {"store"},
]
FLOOR_OF = {room: floor for floor, rooms in enumerate(reversed(FLOORS)) for room in rooms}
NOT_SOURCE = {".path", ".venv", "artifacts", "build", "dist"}


def _source_files() -> list[Path]:
    return [path for room in FLOOR_OF for path in sorted((ROOT / room).rglob("*.py"))]


def test_imports_run_downwards() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno} imports {node.module}"
        for path in _source_files()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.level == 2 and node.module
        for other in [node.module.partition(".")[0]]
        if FLOOR_OF[other] >= FLOOR_OF[path.relative_to(ROOT).parts[0]]
    ]
    assert wrong == []


def test_every_room_has_a_floor() -> None:
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert rooms == set(FLOOR_OF)


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
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import) and any(name.name == "subprocess" for name in node.names)
    }
    # kernels/sass.py runs Triton's disassembler itself: floors below profiler/ cannot use its door.
    assert users == {"profiler/process.py", "kernels/sass.py"}


def test_only_render_prints() -> None:
    printers = {
        str(path.relative_to(ROOT))
        for path in _source_files()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    }
    assert printers == set()
