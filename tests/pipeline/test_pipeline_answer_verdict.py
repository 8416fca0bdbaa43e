"""A verdict stands beside an answer where it is on that very answer."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from moeprof.compare.accuracy import judge
from moeprof.compare.held import Held
from moeprof.compare.holdout import validate_holdout
from moeprof.pipeline.answer_verdict import AnswerVerdict, verdicts_on
from moeprof.pipeline.build import build_model
from moeprof.pipeline.cost import Cost, CostQuery, load, look_up
from moeprof.pipeline.validate import validate
from moeprof.store.document import read_document, write_document
from moeprof.store.errors import BadInput
from moeprof.store.run import Run
from moeprof.store.verdicts.parts import Cause, Finding, Outcome
from moeprof.store.verdicts.verdict import ANOTHER_MODEL, Validation
from moeprof.tests.builders import make_model, make_points
from moeprof.tests.pipeline.conftest import HELD_OUT


@pytest.fixture
def model(recorded: Run) -> Path:
    return build_model(recorded.folder).path


def verdicts(model: Path, **query: Any) -> tuple[AnswerVerdict, ...]:
    chosen: dict[str, Any] = {"op": "gelu", "batch_size": 12} | query
    asked = CostQuery(**chosen)
    loaded = load(model)
    return verdicts_on(model, loaded.file, asked, look_up(loaded, asked))


def test_it_is_that_of_the_band_with_its_limit_and_its_day(model: Path) -> None:
    assert verdicts(model) == ()
    validate(model)
    (found,) = verdicts(model)
    assert (found.outcome, found.first_tokens, found.last_tokens) == (Outcome.PASS, 9, 64)
    assert found.n == sum(9 <= size <= 64 for size in HELD_OUT)
    assert found.median_limit == 0.06
    assert found.worst_limit == pytest.approx(0.3)
    day = (found.validated_utc or "")[:10]
    assert found.sentence == (
        f"validated at sizes from 9 to 64: PASS against holdout on {day}: median error 0.00 %"
        f" (limit 6 %), worst 0.00 % (limit 30 %), of {found.n} sizes"
    )
    assert (verdicts(model, batch_size=7)[0].first_tokens) == 1
    assert verdicts(model, breakdown=True) == (found,)
    assert verdicts(model, weight_bits=32) == (found,)


@pytest.mark.parametrize("flag", ["extrapolated", "transferred", "estimated"])
def test_a_value_that_was_not_measured_nor_interpolated_has_none(model: Path, flag: str) -> None:
    validate(model)
    loaded, asked = load(model), CostQuery(op="gelu", batch_size=12)
    cost = look_up(loaded, asked)
    assert isinstance(cost, Cost)
    assert len(verdicts_on(model, loaded.file, asked, cost)) == 1
    flags: dict[str, Any] = {flag: True}
    assert verdicts_on(model, loaded.file, asked, replace(cost, **flags)) == ()


def test_verdicts_under_several_limits_are_shown_the_strictest_first(model: Path) -> None:
    for limit_ratio in (0.1, 0.03, 0.1):
        validate(model, limit_ratio=limit_ratio)
    assert [one.median_limit for one in verdicts(model)] == [0.06, 0.2]


def test_a_verdict_on_an_earlier_model_says_so(model: Path) -> None:
    result = validate(model)
    write_document(result.path, replace(result.verdict, model_sha256="0" * 64))
    (found,) = verdicts(model)
    assert not found.on_this_model
    assert ANOTHER_MODEL in found.sentence


def test_a_verdict_of_an_earlier_moeprof_is_over_all_sizes(model: Path) -> None:
    result = validate(model)
    old = [replace(curve, bands=(), limits=None) for curve in result.verdict.curves]
    write_document(result.path, replace(result.verdict, curves=tuple(old), validated_utc=None))
    (found,) = verdicts(model)
    assert (found.first_tokens, found.n, found.worst_limit) == (None, len(HELD_OUT), None)
    assert found.sentence.startswith("validated: PASS against holdout on an unknown day: median")


def test_a_band_without_a_compared_size_is_not_validated(model: Path) -> None:
    result = validate(model)
    (curve,) = result.verdict.curves
    empty = [
        replace(band, n=0, median=None, worst=None, worst_tokens=None, outcome=Outcome.AMBIGUOUS)
        for band in curve.bands
    ]
    one = replace(result.verdict, curves=(replace(curve, bands=tuple(empty)),))
    write_document(result.path, one)
    (found,) = verdicts(model)
    assert found.sentence.startswith(
        "not validated at sizes from 9 to 64: none of them was compared"
    )


def test_what_keeps_a_band_from_pass_is_told(model: Path) -> None:
    result = validate(model)
    (curve,) = result.verdict.curves
    why = Finding(Cause.STRADDLE, Outcome.AMBIGUOUS, "size 12 is off by 7.00 %")
    bands = tuple(replace(band, outcome=Outcome.AMBIGUOUS, findings=(why,)) for band in curve.bands)
    points = tuple(replace(point, disturbed=point.tokens < 20) for point in curve.points)
    one = replace(curve, bands=bands, points=points)
    write_document(result.path, replace(result.verdict, curves=(one,)))
    (found,) = verdicts(model)
    assert (found.reasons, found.n_disturbed) == ((why.reason,), 3)  # 11, 15 and 19
    assert "size 12 is off by 7.00 %; 3 of 5 measured while the machine" in found.sentence


def test_a_band_that_was_disturbed_is_ambiguous_with_that_reason(model: Path) -> None:
    result = validate(model)
    (curve,) = result.verdict.curves
    points = tuple(replace(point, disturbed=9 <= point.tokens <= 64) for point in curve.points)
    held = Held(curve.curve, curve.op, curve.metric, points, curve.floor, ())
    one = replace(result.verdict, curves=(judge(held, curve.limit),))
    write_document(result.path, one)
    (found,) = verdicts(model)
    assert (found.outcome, found.n_disturbed) == (Outcome.AMBIGUOUS, found.n)
    why = "most sizes from 9 to 64 were measured while the machine was not quiet"
    assert asdict(found)["reasons"] == (why,)
    assert f"{why}; {found.n} of {found.n} measured while" in found.sentence


def test_a_validation_that_cannot_be_read_is_refused(model: Path) -> None:
    validate(model).path.write_text("a diary")
    with pytest.raises(BadInput, match="is not JSON"):
        verdicts(model)


def test_its_fields_are_data(model: Path) -> None:
    validate(model)
    (found,) = verdicts(model)
    assert asdict(found)["outcome"] == "PASS"
    assert read_document(model.parent / "validation.json", Validation).date is not None


@pytest.mark.parametrize(("active_experts", "verdicts_found"), [(4, 1), (3, 0)])
def test_a_cost_over_active_experts_has_the_verdict_on_that_number_of_them(
    tmp_path: Path, active_experts: int, verdicts_found: int
) -> None:
    def of(active: int, sizes: tuple[int, ...], role: str) -> pa.Table:
        routed = {"op": "experts", "experts": 8, "top_k": 2, "active_experts": active}
        curve = f"experts-8x4-fp32-e8-a{active}-k2-cold"
        return make_points(lambda size: 100.0 * active + size, sizes, role, curve=curve, **routed)

    fitted = [of(active, (4, 8, 16, 32, 64), "fit") for active in (2, 4, 8)]
    held_out = [of(active, (5, 6, 7, 11, 20, 50), "holdout") for active in (2, 4, 8)]
    model = make_model(*fitted)
    verdict = validate_holdout(model, "run", pa.concat_tables(held_out))
    write_document(tmp_path / "validation.json", verdict)
    asked = CostQuery(op="experts", batch_size=6, active_experts=active_experts)
    beside = tmp_path / "kernel_cost_model.json"
    found = verdicts_on(beside, model.file, asked, look_up(model, asked))
    assert len(found) == verdicts_found
