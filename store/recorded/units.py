"""Lists the units of a run: the folders below `raw/` that may hold a recording."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ..disk.temporary import PREFIX

RECORDING_FILE: Final = "recording.json"


def recorded_units(raw: Path) -> list[Path]:
    """Folders of the units that may hold a recording, in order.

    What has no `recording.json` was not finished, and is none. A folder that cannot be looked into
    may hold one.
    """
    return [unit for collector in _inside(raw) for unit in _inside(collector) if may_hold(unit)]


def unfinished_units(raw: Path) -> list[Path]:
    """Folders of units that hold no recording, in order."""
    units = (unit for collector in _inside(raw) for unit in _inside(collector))
    return [unit for unit in units if not may_hold(unit) and os.path.isdir(unit)]


def may_hold(unit: Path) -> bool:
    """Whether a folder holds a recording, or cannot be looked into."""
    try:
        os.lstat(unit / RECORDING_FILE)
    except FileNotFoundError:
        return unit.is_symlink() and not unit.exists()
    except NotADirectoryError:
        return False
    except OSError:
        return True
    return True


def _inside(folder: Path) -> Iterator[Path]:
    """What a folder holds, in order; the folder itself where it cannot be listed."""
    try:
        names = sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError:
        yield folder
        return
    for name in names:
        if not name.startswith(PREFIX):
            yield folder / name
