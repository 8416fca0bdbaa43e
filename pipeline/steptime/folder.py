"""A folder of measured rows: `serving_rows.parquet`, and the models that its rows name."""

from pathlib import Path
from typing import Final

from ...costmodel.steptime.rows.gate import Refused
from ...costmodel.steptime.rows.models_table import read_models
from ...costmodel.steptime.rows.public_table import read_rows
from ...costmodel.steptime.rows.serving_rows import ServingRows
from ...scenarios.configs.whole_model import whole_model
from ...store.errors import BadInput
from ...store.files import folders_in, has_file, has_folder
from ...store.recording import sha256_of
from ...store.serving.journeys_table import JOURNEYS_FILE
from ...store.serving.rows_table import ROWS_FILE
from ...store.serving.whole_model import WholeModel

_SIZES: Final = "models.csv"
_CONFIGS: Final = "models"
_WRITE_ONE: Final = "name a folder of rows; moeprof steptime read makes one of your results"


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

    Raises BadInput where it is no folder of rows and models, where they cannot be read, and where
    no row can be used.
    """
    if not has_file(folder / ROWS_FILE):
        raise _no_rows(folder)
    if not (models := folder_models(folder)):
        raise BadInput(
            f"{folder} has no model: neither {_SIZES} nor {_CONFIGS}/NAME/config.json",
            hint=f"put the config.json of each model of {ROWS_FILE} there",
        )
    return read_rows(folder / ROWS_FILE, models)


def _no_rows(folder: Path) -> BadInput:
    """The refusal of what is no folder with a table of rows."""
    if has_file(folder):
        return BadInput(
            f"{folder} is a file, and rows are a folder of {ROWS_FILE} and their models",
            hint=f"name the folder: {folder.parent}" if folder.name == ROWS_FILE else _WRITE_ONE,
        )
    why = f"has no {ROWS_FILE}" if has_folder(folder) else "is no folder"
    return BadInput(f"{folder} {why}", hint=_WRITE_ONE)


def files_of(folder: Path) -> dict[str, str]:
    """The sha256 of each file of a folder that a fit reads, by its path within the folder."""
    tables = [folder / ROWS_FILE, folder / JOURNEYS_FILE, folder / _SIZES]
    paths = [*tables, *_configs(folder)]
    return {str(path.relative_to(folder)): sha256_of(path) for path in paths if has_file(path)}


def _configs(folder: Path) -> list[Path]:
    found = (path / "config.json" for path in sorted(folders_in(folder / _CONFIGS)))
    return [path for path in found if has_file(path)]
