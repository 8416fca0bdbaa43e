"""A folder of measured rows: `serving_rows.parquet`, and the models that its rows name."""

from pathlib import Path
from typing import Final

from ...costmodel.steptime.rows.gate import Refused
from ...costmodel.steptime.rows.public_table import read_models, read_rows
from ...costmodel.steptime.rows.serving_rows import ServingRows
from ...scenarios.configs.whole_model import whole_model
from ...store.errors import BadInput
from ...store.files import folders_in, has_file
from ...store.recording import sha256_of
from ...store.serving.journeys_table import JOURNEYS_FILE
from ...store.serving.rows_table import ROWS_FILE
from ...store.serving.whole_model import WholeModel

_SIZES: Final = "models.csv"
_CONFIGS: Final = "models"


def config_path(folder: Path, name: str) -> Path:
    """Where a folder keeps the published config.json of a model."""
    return folder / _CONFIGS / name / "config.json"


def folder_models(folder: Path) -> dict[str, WholeModel]:
    """The models of a folder by name: of models.csv, and of each models/NAME/config.json.

    Raises BadInput where one cannot be read, and for a name that both have.
    """
    models = read_models(folder / _SIZES) if has_file(folder / _SIZES) else {}
    for path in _configs(folder):
        if (name := path.parent.name) in models:
            raise BadInput(
                f"{folder} has the model {name} twice: in {_SIZES} and in {_CONFIGS}/{name}",
                hint="remove one of them",
            )
        models[name] = whole_model(path)
    return models


def read_folder(folder: Path) -> tuple[ServingRows, Refused]:
    """Read the rows of a folder that can be true, and count the others by reason.

    Raises BadInput where rows or models cannot be read, and where no row can be used.
    """
    return read_rows(folder / ROWS_FILE, folder_models(folder))


def files_of(folder: Path) -> dict[str, str]:
    """The sha256 of each file of a folder that a fit reads, by its path within the folder."""
    tables = [folder / ROWS_FILE, folder / JOURNEYS_FILE, folder / _SIZES]
    paths = [*tables, *_configs(folder)]
    return {str(path.relative_to(folder)): sha256_of(path) for path in paths if has_file(path)}


def _configs(folder: Path) -> list[Path]:
    found = (path / "config.json" for path in sorted(folders_in(folder / _CONFIGS)))
    return [path for path in found if has_file(path)]
