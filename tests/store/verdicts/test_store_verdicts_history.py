"""A verdict that another takes the place of is kept, whatever interrupts the two writes."""

from dataclasses import replace
from pathlib import Path

import pytest

from moeprof.store.document import read_document, write_document
from moeprof.store.errors import BadInput
from moeprof.store.verdicts import history
from moeprof.store.verdicts.history import readable_verdicts, replace_verdict
from moeprof.store.verdicts.parts import Outcome
from moeprof.store.verdicts.verdict import Validation


def verdict(outcome: Outcome, day: int = 1) -> Validation:
    return Validation("holdout", "run", outcome, (), {}, validated_utc=f"2026-11-{day:02}T00:00")


PASS, FAIL, UNSURE = (verdict(one) for one in (Outcome.PASS, Outcome.FAIL, Outcome.AMBIGUOUS))


def test_earlier_verdicts_are_kept_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "validation.json"
    assert readable_verdicts(path) == []
    for one in (PASS, FAIL, UNSURE):
        replace_verdict(path, one)
    assert readable_verdicts(path) == [PASS, FAIL, UNSURE]
    assert read_document(path, Validation) == UNSURE
    kept = sorted(each.name for each in (tmp_path / "validations").iterdir())
    assert kept == ["validation.1.json", "validation.2.json"]


def test_each_comparison_has_verdicts_of_its_own(tmp_path: Path) -> None:
    own, other = tmp_path / "validation.json", tmp_path / "validation-other.json"
    for path in (own, other):
        replace_verdict(path, PASS)
    replace_verdict(other, FAIL)
    assert readable_verdicts(own) == [PASS]
    assert readable_verdicts(other) == [PASS, FAIL]


def test_the_same_verdict_on_another_day_is_not_kept_twice(tmp_path: Path) -> None:
    path = tmp_path / "validation.json"
    replace_verdict(path, PASS)
    replace_verdict(path, verdict(Outcome.PASS, day=2))
    assert [one.date for one in readable_verdicts(path)] == ["2026-11-02"]


def test_a_write_that_was_interrupted_between_its_files_loses_and_doubles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "validation.json"
    replace_verdict(path, PASS)

    def refuse_present(target: Path, document: Validation) -> None:
        if target == path:
            raise BadInput("the disk is full")
        write_document(target, document)

    with monkeypatch.context() as patch:
        patch.setattr(history, "write_document", refuse_present)
        with pytest.raises(BadInput):
            replace_verdict(path, FAIL)
    assert read_document(path, Validation) == PASS
    replace_verdict(path, FAIL)
    assert readable_verdicts(path) == [PASS, FAIL]


def test_what_cannot_be_read_is_replaced_and_left_out(tmp_path: Path) -> None:
    path = tmp_path / "validation.json"
    path.write_text("a diary")
    replace_verdict(path, PASS)
    assert readable_verdicts(path) == [PASS]
    assert replace(PASS, validated_utc=None).date is None
