"""A model's digest of itself: a file that was changed by hand does not pass for a measurement."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..store.cost_model import CostModelFile
from ..store.document import to_json
from ..store.errors import BadInput


def with_checksum(file: CostModelFile) -> CostModelFile:
    """Give a model its digest: that of its JSON without the digest itself."""
    return replace(file, sha256=_digest(json.loads(to_json(replace(file, sha256=None)))))


def verify_checksum(path: Path) -> None:
    """Raise BadInput where the JSON at `path` is not what its digest says.

    What has no digest passes, as older files do. The text counts, not the fields that this version
    knows: a later minor may hold more.
    """
    body = json.loads(path.read_text(encoding="utf-8"))
    if body.get("sha256") is not None and body["sha256"] != _digest(body):
        raise BadInput(
            f"{path} was changed after it was made: its sha256 is not that of its content",
            hint=f"build the model anew: moeprof build-model {path.parent}",
        )


def _digest(body: dict[str, Any]) -> str:
    content = {name: value for name, value in body.items() if name != "sha256"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
