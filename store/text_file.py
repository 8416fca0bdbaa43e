"""A text file that the user names, read whole."""

from pathlib import Path

from .errors import BadInput


def read_text(path: Path) -> str:
    """Read a UTF-8 file. Raises BadInput, naming the file, if that fails."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8 text") from error
