"""Three terms add up to a step."""

from moeprof.costmodel.steptime.blackbox import Blackbox
from moeprof.tests.costmodel.steptime.whole_models import rows_of, served


def test_terms_are_of_a_step_a_prefill_token_and_a_request() -> None:
    rows = rows_of(served(), sizes=2)
    found = Blackbox({"step": 3000.0, "prefill_token": 2.0, "running_request": 20.0})
    terms = found.terms_us(rows)
    assert terms["step"].tolist() == [3000, 3000]
    assert (terms["prefill_token"] == 2 * rows.steps.prefill_tokens).all()
    assert (terms["running_request"] == 20 * rows.steps.running).all()
