"""The sha256 that a model holds of its own content, so that a change by hand is noticed."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..store.cost_model import CostModelFile
from ..store.document import to_json
from ..store.errors import BadInput


def with_checksum(file: CostModelFile) -> CostModelFile:
    """The model with the digest of its JSON, taken without the digest itself."""
    return replace(file, sha256=digest(json.loads(to_json(replace(file, sha256=None)))))


def verify_checksum(path: Path) -> None:
    """Raise BadInput where the digest in the JSON at `path` is not that of its content.

    A file without a digest passes, as older files have none. The content is all of the JSON, with
    fields of a later minor that this version does not know.
    """
    body = json.loads(path.read_text(encoding="utf-8"))
    if body.get("sha256") is not None and body["sha256"] != digest(body):
        raise BadInput(
            f"{path} was changed after it was made: its sha256 is not that of its content",
            hint=f"build the model anew: moeprof build-model {path.parent}",
        )


def digest(body: dict[str, Any]) -> str:
    """SHA-256 in hex of a model's JSON object, without the digest that it may hold."""
    content = {name: value for name, value in body.items() if name != "sha256"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
