"""Two runs, a model, two benchmarks are compared; what does not belong together is refused."""

import json
import shutil
from pathlib import Path

import pytest

from moeprof.pipeline.build import build_model
from moeprof.pipeline.compare.compare import Rules, compare_costs
from moeprof.store.document import read_document, write_document
from moeprof.store.errors import BadInput
from moeprof.store.provenance import Provenance
from moeprof.store.run import Run
from moeprof.store.verdicts.comparison import Change
from moeprof.tests.pipeline.conftest import write_linear_run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return write_linear_run(tmp_path / "a-run")


def benchmark(path: Path, slow: float = 1.0) -> Path:
    rows = [
        {"name": f"case {n}", "value": 1.0 + n + 0.001 * (n % 3), "unit": "ms"} for n in range(8)
    ]
    rows[3]["value"] = slow * 4.0
    path.write_text(json.dumps({"machine": {"cpu": "EPYC"}, "rows": rows}))
    return path


def test_a_run_against_itself_is_unchanged(run: Run) -> None:
    found = compare_costs(run.folder, str(run.folder)).comparison
    assert (found.kind, found.verdict) == ("runs", Change.UNCHANGED)
    assert {row.metric for row in found.ops} == {"latency"}
    assert set(found.not_compared) == {"energy", "power"}


def test_a_run_and_its_model_are_one_measurement(run: Run) -> None:
    built = build_model(run.folder)
    assert compare_costs(run.folder, built.path).comparison.verdict is Change.UNCHANGED


def test_a_benchmark_tells_the_row_that_changed_alone(tmp_path: Path) -> None:
    old, new = benchmark(tmp_path / "old.json"), benchmark(tmp_path / "new.json", slow=1.5)
    found = compare_costs(old, new).comparison
    assert found.kind == "benchmarks"
    assert [row.op for row in found.ops if row.verdict is Change.REGRESSION] == ["case 3"]
    assert (
        compare_costs(old, benchmark(tmp_path / "same.json")).comparison.verdict is Change.UNCHANGED
    )


def test_another_machine_is_refused_by_the_field_that_differs_unless_asked_for(
    run: Run, tmp_path: Path
) -> None:
    other = Run(tmp_path / "other")
    shutil.copytree(run.folder, other.folder)
    provenance = read_document(other.provenance_path, Provenance)
    changed = {**{name: getattr(provenance, name) for name in Provenance.__slots__}, "threads": 7}
    write_document(other.provenance_path, Provenance(**changed))
    with pytest.raises(BadInput, match="threads: 1 and 7"):
        compare_costs(run.folder, other.folder)
    found = compare_costs(run.folder, other.folder, cross=True).comparison
    assert found.differs == {"threads": ("1", "7")}


def test_what_cannot_be_compared_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "half.json").write_text('{"rows": [{"name": "\\ud800", "value": 1, "unit": "s"}]}')
    with pytest.raises(BadInput, match=r"half.json holds the text .*, which is not UTF-8"):
        compare_costs(tmp_path / "half.json", tmp_path / "half.json")
    (tmp_path / "text.json").write_text("no JSON")
    with pytest.raises(BadInput, match="is no JSON object"):
        compare_costs(run.folder, tmp_path / "text.json")
    with pytest.raises(BadInput, match="a benchmark is compared with a benchmark"):
        compare_costs(run.folder, benchmark(tmp_path / "b.json"))
    with pytest.raises(BadInput, match="has no operation 'mine'"):
        compare_costs(run.folder, run.folder, mapping={"mine": "gelu"})
    with pytest.raises(BadInput, match="alpha is 2"):
        compare_costs(run.folder, run.folder, rules=Rules(alpha=2))


def test_nothing_in_common_is_refused(tmp_path: Path) -> None:
    row = {"name": "another", "value": 1.0, "unit": "ms"}
    (tmp_path / "b.json").write_text(json.dumps({"rows": [row]}))
    with pytest.raises(BadInput, match="nothing in common"):
        compare_costs(benchmark(tmp_path / "a.json"), tmp_path / "b.json")
