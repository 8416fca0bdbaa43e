"""Documents name their schema, are read as they were written, and an unknown schema is refused."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from moeprof.store.document import MOST_BYTES, read_document, to_json, write_document
from moeprof.store.errors import BadInput
from moeprof.store.plan import Plan
from moeprof.store.recording import Recording
from moeprof.store.verdicts.parts import Outcome
from moeprof.store.verdicts.verdict import CurveVerdict, Validation

Change = Callable[[dict[str, Any]], object]


def rewritten(path: Path, plan: Plan, change: Change) -> Path:
    """Write a plan, after a change to its JSON."""
    body = json.loads(to_json(plan))
    change(body)
    path.write_text(json.dumps(body))
    return path


def test_a_document_read_from_its_file_is_equal(
    tmp_path: Path, plan: Plan, recording: Recording
) -> None:
    for document in (plan, recording):
        write_document(tmp_path / "a.json", document)
        assert read_document(tmp_path / "a.json", type(document)) == document


def test_the_schema_stands_first_and_the_text_ends_in_a_newline(plan: Plan) -> None:
    text = to_json(plan)
    assert text.startswith('{\n  "schema": "moeprof.plan/1.8",\n')
    assert text.endswith("}\n")


def test_the_same_document_gives_the_same_bytes(plan: Plan, recording: Recording) -> None:
    assert to_json(plan) == to_json(plan)
    assert to_json(recording) == to_json(recording)


def test_an_unknown_major_is_refused_by_number(tmp_path: Path, plan: Plan) -> None:
    path = rewritten(tmp_path / "plan.json", plan, lambda b: b.update(schema="moeprof.plan/2.0"))
    with pytest.raises(BadInput, match=r"moeprof\.plan/2\.0.*knows moeprof\.plan/1\.8"):
        read_document(path, Plan)


def test_a_newer_minor_is_read_and_its_new_fields_are_ignored(tmp_path: Path, plan: Plan) -> None:
    path = rewritten(
        tmp_path / "plan.json", plan, lambda b: b.update(schema="moeprof.plan/1.9", new_field=1)
    )
    assert read_document(path, Plan) == plan


@pytest.mark.parametrize("minor", ["1.0", "1.1"])
def test_an_older_minor_is_read_without_what_it_lacks(
    tmp_path: Path, plan: Plan, minor: str
) -> None:
    def age(body: dict[str, Any]) -> None:
        body["schema"] = f"moeprof.plan/{minor}"
        for added in ("power", "power_reason", "sm_clock_mhz"):
            del body[added]

    assert read_document(rewritten(tmp_path / "plan.json", plan, age), Plan) == plan


def test_a_field_with_a_default_may_be_missing(tmp_path: Path, plan: Plan) -> None:
    path = rewritten(tmp_path / "plan.json", plan, lambda b: b["ops"][0].pop("source"))
    assert read_document(path, Plan) == plan


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda b: b.pop("seed"), "missing required field `seed`"),
        (lambda b: b.update(seed="some"), "seed: "),
        (lambda b: b.update(isolation="none"), "isolation: "),
        (lambda b: b["ops"][0].pop("domain"), r"ops\.0: .*missing required field `domain`"),
        (lambda b: b.update(schema="moeprof.recording/1.0"), "holds 'moeprof.recording/1.0'"),
        (lambda b: b.pop("schema"), "holds 'no schema name'"),
        (lambda b: b.update(schema=1), "not a moeprof.plan"),
    ],
)
def test_the_field_that_breaks_the_schema_is_named(
    tmp_path: Path, plan: Plan, change: Change, complaint: str
) -> None:
    path = rewritten(tmp_path / "plan.json", plan, change)
    with pytest.raises(BadInput, match=complaint) as caught:
        read_document(path, Plan)
    assert str(path) in caught.value.message


@pytest.mark.parametrize("field", ["budget_s", "isolation", "\ud800"])
def test_half_a_utf_16_pair_is_refused(tmp_path: Path, plan: Plan, field: str) -> None:
    path = rewritten(tmp_path / "plan.json", plan, lambda body: body.update({field: "\ud800"}))
    with pytest.raises(BadInput, match="half a UTF-16 pair"):
        read_document(path, Plan)


@pytest.mark.parametrize("data", [b"", b"not JSON", b"\xff\xfe\x00", b'{"schema": '])
def test_a_file_that_is_no_json_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "plan.json").write_bytes(data)
    with pytest.raises(BadInput, match="is not JSON"):
        read_document(tmp_path / "plan.json", Plan)


@pytest.mark.parametrize("text", ["[]", "null", '"plan"'])
def test_json_that_is_no_object_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(BadInput, match=r"not a moeprof\.plan"):
        read_document(tmp_path / "plan.json", Plan)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="does not exist"):
        read_document(tmp_path / "plan.json", Plan)
    with pytest.raises(BadInput, match="cannot read"):
        read_document(tmp_path, Plan)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "plan.json")
    with pytest.raises(BadInput, match="is not a regular file"):
        read_document(tmp_path / "plan.json", Plan)


def test_a_number_that_json_lacks_is_refused_at_writing(tmp_path: Path) -> None:
    curve = CurveVerdict(
        curve="fc1",
        op="fc1",
        metric="latency",
        n=1,
        median=float("nan"),
        p95=None,
        max=None,
        bias=None,
        median_lo=None,
        median_hi=None,
        floor=None,
        coverage_95=None,
        limit=0.03,
        outcome=Outcome.AMBIGUOUS,
        reason="",
        points=(),
    )
    validation = Validation("holdout", "a", Outcome.AMBIGUOUS, (curve,), {})
    with pytest.raises(ValueError, match="JSON compliant"):
        write_document(tmp_path / "validation.json", validation)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_a_number_that_json_lacks_is_refused_at_reading(
    tmp_path: Path, plan: Plan, constant: str
) -> None:
    path = tmp_path / "plan.json"
    path.write_text(to_json(plan).replace('"budget_s": null', f'"budget_s": {constant}'))
    assert constant in path.read_text()
    with pytest.raises(BadInput, match=f"{constant} is not a JSON number"):
        read_document(path, Plan)


@pytest.mark.parametrize(
    ("number", "rule"),
    [
        ("1e400", "beyond the range of a double"),
        ("9" * 19, "does not fit into 64 bits"),
        ("-" + "9" * 5000, "does not fit into 64 bits"),
    ],
    ids=["1e400", "19 digits", "5000 digits"],
)
def test_a_number_that_no_table_holds_is_refused(
    tmp_path: Path, plan: Plan, number: str, rule: str
) -> None:
    path = tmp_path / "plan.json"
    path.write_text(to_json(plan).replace('"budget_s": null', f'"budget_s": {number}'))
    with pytest.raises(BadInput, match=rule) as caught:
        read_document(path, Plan)
    assert len(caught.value.message) < 400
    assert caught.value.hint == Plan.WAY_OUT


def test_brackets_a_hundred_thousand_deep_are_refused(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text("[" * 100_000)
    with pytest.raises(BadInput, match="nested too deeply"):
        read_document(tmp_path / "plan.json", Plan)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda b: b.update(threads=0), "threads: expected `int` >= 1"),
        (lambda b: b.update(budget_s=-1.0), "budget_s: expected `float` > 0"),
        (lambda b: b.update(budget_s="inf"), "budget_s: expected `float | null`, got `str`"),
        (lambda b: b["ops"][0].update(domain=[0]), r"ops.0.domain.0: expected `int` >= 1"),
        (lambda b: b.update(collectors=["abacus"]), "collectors.0: expected `str` matching regex"),
        (lambda b: b.update(collectors=[]), "collectors: expected `array` of length >= 1"),
    ],
)
def test_a_field_keeps_the_rule_of_its_type(
    tmp_path: Path, plan: Plan, change: Change, complaint: str
) -> None:
    path = rewritten(tmp_path / "plan.json", plan, change)
    with pytest.raises(BadInput) as caught:
        read_document(path, Plan)
    assert complaint in caught.value.message
    assert caught.value.hint == Plan.WAY_OUT


def test_a_long_value_is_cut_in_the_refusal(tmp_path: Path, plan: Plan) -> None:
    path = rewritten(tmp_path / "plan.json", plan, lambda b: b.update(sampling="x" * 100_000))
    with pytest.raises(BadInput, match=r"sampling: invalid enum value 'xxx") as caught:
        read_document(path, Plan)
    assert len(caught.value.message) < 400


@pytest.mark.parametrize("name", ["../power.csv", "..", "a/b", "a\\b", "", "x" * 256])
def test_a_raw_file_cannot_lie_outside_its_folder(
    tmp_path: Path, recording: Recording, name: str
) -> None:
    body = json.loads(to_json(recording)) | {"files": {name: "0"}}
    (tmp_path / "recording.json").write_text(json.dumps(body))
    with pytest.raises(BadInput, match="files"):
        read_document(tmp_path / "recording.json", Recording)


def test_a_document_of_more_bytes_than_any_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    with path.open("wb") as file:
        file.truncate(MOST_BYTES + 1)  # without blocks on the disk
    with pytest.raises(BadInput, match=f"a document has at most {MOST_BYTES}"):
        read_document(path, Plan)
