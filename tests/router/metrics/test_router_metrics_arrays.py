"""Arrays of buffers are those that pyarrow makes of the same cells."""

import subprocess
import sys
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.router.metrics.arrays import column_array

COUNTS = st.lists(st.integers(0, 2**62), max_size=4).map(lambda cell: np.array(cell, np.int64))
KINDS: dict[pa.DataType, st.SearchStrategy[Any]] = {
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float64(): st.floats(allow_nan=False),
    pa.string(): st.text(),
    pa.list_(pa.int64()): COUNTS,
}


@pytest.mark.parametrize("kind", KINDS, ids=str)
@given(data=st.data())
def test_an_array_is_that_of_pyarrow(kind: pa.DataType, data: st.DataObject) -> None:
    cells = data.draw(st.lists(st.none() | KINDS[kind], min_size=1, max_size=20))
    found = column_array(kind, cells)
    found.validate(full=True)
    assert found.equals(pa.array(cells, type=kind))


def test_nan_is_a_number() -> None:
    found = column_array(pa.float64(), [np.nan, None, 1.0])
    assert found.null_count == 1
    assert np.isnan(found[0].as_py())


def test_a_log_as_parquet_imports_no_pandas(tmp_path: Any) -> None:
    script = f"""
import sys
from moeprof.router.metrics.logger import MetricsLogger
from moeprof.router.metrics.row import MetricsRow
with MetricsLogger({str(tmp_path / "m.parquet")!r}) as log:
    log.log(MetricsRow(step=1, strategy="a", expert_counts=[1, 2]))
print(sorted({{"pandas", "scipy", "torch"}} & {{*sys.modules}}), log.lost)
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (ended.stdout, ended.stderr) == ("[] 0\n", "")
