"""The published JSON Schemas are those of the classes."""

import json
from typing import Any

import pytest

from moeprof.store import schemas
from moeprof.store.document import json_schema, to_json
from moeprof.store.plan import Plan
from moeprof.store.schemas import DOCUMENTS, schema_path


@pytest.mark.parametrize("cls", DOCUMENTS, ids=lambda cls: cls.__name__)
def test_the_published_schema_is_the_one_of_the_class(cls: Any) -> None:
    published = schema_path(cls).read_text(encoding="utf-8")
    assert published == json_schema(cls), "run `python -m moeprof.store.schemas`"


def test_only_schemas_of_documents_are_published() -> None:
    folder = schema_path(Plan).parent
    assert set(folder.glob("*.schema.json")) == {schema_path(cls) for cls in DOCUMENTS}


def test_a_schema_asks_for_the_fields_that_have_no_default(plan: Plan) -> None:
    schema = json.loads(json_schema(Plan))
    body = json.loads(to_json(plan))
    assert set(schema["properties"]) == set(body)
    assert set(body) - set(schema["required"]) == {
        "power",
        "power_limit_w",
        "power_reason",
        "sm_clock_mhz",
        "thermal_step",
    }
    assert "source" not in schema["$defs"]["OpPlan"]["required"]


def test_main_writes_every_schema_anew(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schemas, "schema_path", lambda cls: tmp_path / f"{cls.__name__}.json")
    schemas.main()
    written = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    assert written == {f"{cls.__name__}.json": json_schema(cls) for cls in DOCUMENTS}
