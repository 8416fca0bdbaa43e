"""The published JSON Schemas of the documents; `python -m moeprof.store.schemas` writes them."""

from pathlib import Path
from typing import Any, Final

from .cost_model import CostModelFile
from .document import Document, json_schema
from .files import write_whole
from .plan import Plan
from .recording import Recording
from .serving.predicted_steps import PredictedSteps
from .serving.step_model_summary import StepModelSummary
from .verdicts.step_validation import StepValidation
from .verdicts.verdict import Validation

DOCUMENTS: Final[tuple[type[Document], ...]] = (
    CostModelFile,
    Plan,
    PredictedSteps,
    StepModelSummary,
    Recording,
    StepValidation,
    Validation,
)


def schema_path(cls: type[Any]) -> Path:
    """Where the schema of a document class is published: beside this file, by its name."""
    name = cls.SCHEMA.partition("/")[0].removeprefix("moeprof.")
    return Path(__file__).with_name(f"{name}.schema.json")


def main() -> None:
    """Write every schema; to be run after a document class has changed."""
    for cls in DOCUMENTS:
        write_whole(schema_path(cls), json_schema(cls))


if __name__ == "__main__":
    main()
