"""What a plan may hold."""

from pathlib import Path

import pytest

from moeprof.store.document import read_document, write_document
from moeprof.store.errors import BadInput
from moeprof.store.plan import MOST_OPS, Plan
from moeprof.tests.builders import make_op_plan, make_plan


def test_a_plan_of_more_operations_than_any_catalogue_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    write_document(path, make_plan(ops=(make_op_plan(),) * (MOST_OPS + 1)))
    with pytest.raises(BadInput, match="ops: expected `array`"):
        read_document(path, Plan)
