"""The sha256 that a model holds of its own content, so that a change by hand is noticed."""

import hashlib
import json
from dataclasses import replace
from os.path import isfile
from pathlib import Path
from typing import Any, Final

from ..store.cost_model import CostModelFile
from ..store.document import to_json
from ..store.errors import BadInput
from ..store.run import Run

UNCHECKED: Final = "holds no digest, as models before 1.2: whether it was changed is not known"
_FIRST_MINOR_WITH_DIGEST: Final = 2


def with_checksum(file: CostModelFile) -> CostModelFile:
    """The model with the digest of its JSON, taken without the digest itself."""
    return replace(file, sha256=digest(json.loads(to_json(replace(file, sha256=None)))))


def verify_checksum(path: Path, body: dict[str, Any]) -> None:
    """Raise BadInput where the digest in `body`, the JSON at `path`, is not that of its content.

    Files before 1.2 have none and pass, UNCHECKED; a later one without it was changed. The content
    is all of the JSON, with fields of a later minor that this version does not know.
    """
    found = body.get("sha256")
    minor = body["schema"].rpartition(".")[2]
    if found is None and not (minor.isdecimal() and int(minor) >= _FIRST_MINOR_WITH_DIGEST):
        return
    if found is None or found != digest(body):
        why = "it has no sha256" if found is None else "its sha256 is not that of its content"
        raise BadInput(f"{path} was changed after it was made: {why}", hint=_way_out(path, body))


def _way_out(path: Path, body: dict[str, Any]) -> str:
    """How to get the model again: from its run where it lies in one, else from where it came."""
    if isfile(Run(path.parent).plan_path):
        return f"build the model anew: moeprof build-model {path.parent}"
    if body.get("source") == "imported":
        return "import it anew with moeprof import, or restore the file"
    return "copy it anew from its run, or restore the file"


def digest(body: dict[str, Any]) -> str:
    """SHA-256 in hex of a model's JSON object, without the digest that it may hold."""
    content = {name: value for name, value in body.items() if name != "sha256"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
