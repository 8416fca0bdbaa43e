"""What a run folder holds, read as files: its recordings, and what must be true of them."""

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

from moeprof.tests.torture.trial import Kind, Trial

Point = tuple[str, str, int]  # collector, scenario key, repeat
_TIMES = ("cpu", "nsys", "kineto")


def runs(store: Path) -> list[Path]:
    """Run folders of a store that have a plan."""
    return sorted(path.parent for path in store.glob("*/plan.json"))


def recordings(run: Path) -> dict[str, bytes]:
    """Bytes of each recording.json, by its folder below the run."""
    paths = sorted(run.glob("raw/*/*/recording.json"))
    return {str(path.parent.relative_to(run)): path.read_bytes() for path in paths}


def points(run: Path) -> Counter[Point]:
    """How often each repeat of each size was measured."""
    return Counter(
        (body["collector"], timing["scenario_key"], timing["visit"])
        for body in _bodies(run)
        for timing in body["served"]
    )


def failures(run: Path) -> dict[str, str]:
    """Reason of each scenario that failed, by its key."""
    return {
        lost["scenario_key"]: lost["reason"] for body in _bodies(run) for lost in body["failures"]
    }


def timings(run: Path) -> list[dict[str, Any]]:
    """Each timing that was recorded."""
    return [timing for body in _bodies(run) for timing in body["served"]]


def _bodies(run: Path) -> list[dict[str, Any]]:
    found = []
    for data in recordings(run).values():
        try:
            found.append(json.loads(data))
        except ValueError:
            continue
    return found


def planned(run: Path) -> set[tuple[str, str]]:
    """Collector and scenario key of every size that a plan of all sizes asks for."""
    plan = json.loads((run / "plan.json").read_text())
    return {
        (collector, key_of(op["curve"], size))
        for op in plan["ops"]
        for size in op["domain"]
        for collector in plan["collectors"]
        if collector in _TIMES
    }


def key_of(curve: str, size: int) -> str:
    """The key of a size: the curve's, with the size after the name of the operation."""
    op, _, rest = curve.partition("-")
    return f"{op}-b{size}-{rest}"


def note_whole(trial: Trial, run: Path, when: str) -> None:
    """Note recordings that are no JSON, or whose raw files are missing or other ones."""
    for folder, data in recordings(run).items():
        try:
            files = json.loads(data)["files"]
        except ValueError:
            trial.add(Kind.HALF_WRITTEN, f"{when}: {folder}/recording.json")
            continue
        for name, digest in files.items():
            path = run / folder / name
            if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
                trial.add(Kind.HALF_WRITTEN, f"{when}: {folder}/{name}")


def note_finished(trial: Trial, run: Path, held: dict[str, bytes]) -> None:
    """Note what a finished run lacks or has twice; `held` is what it held at some time before."""
    now = recordings(run)
    for folder, data in held.items():
        if json.loads(data)["failures"]:  # is tried again
            continue
        if now.get(folder) != data:
            trial.add(
                Kind.LOST, f"{folder} was there, and is {'changed' if folder in now else 'gone'}"
            )
    measured = points(run)
    for point, count in measured.items():
        if count > 1:
            trial.add(Kind.DUPLICATED, f"{point} was recorded {count} times")
    for left in planned(run) - {(collector, key) for collector, key, _ in measured}:
        trial.add(Kind.LOST, f"{left} is planned, and neither measured nor missed")


def digests(folder: Path) -> dict[str, str]:
    """sha256 of every file below a folder, but of locks."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".lock"
    }
