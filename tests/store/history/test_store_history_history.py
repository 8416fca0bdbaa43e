"""A history: one table a run, by device, in the order in which runs began."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from moeprof.store.errors import BadInput
from moeprof.store.history.history import add_run, device_id, history_table, read_history
from moeprof.store.provenance import Gpu
from moeprof.store.tables.parquet import write_table
from moeprof.tests.builders import make_plan, make_points, make_provenance

GPU = Gpu(0, "H200", "GPU-1/2", "570.1", None, 700.0, 1980, 2619, False, None)


def table(run: str, utc: str = "2026-01-01T00:00:00Z") -> pa.Table:
    points = make_points(lambda size: 10.0 * size, [1, 2], marks=["spread 30 % > 20 %"])
    plan = replace(make_plan(), run_id=run)
    return history_table(plan, make_provenance(gpu=GPU, utc=utc), points)


def test_a_run_is_a_table_with_its_device_and_its_flags() -> None:
    first = table("one").to_pylist()[0]
    assert (first["run"], first["driver"], first["power_limit_w"]) == ("one", "570.1", 700.0)
    assert (first["op"], first["tokens"], first["latency_us"], first["flags"]) == (
        "fc1",
        1,
        10.0,
        1,
    )


def test_runs_are_read_in_the_order_in_which_they_began(tmp_path: Path) -> None:
    add_run(tmp_path, table("later", "2026-02-01T00:00:00Z"))
    add_run(tmp_path, table("earlier"))
    (runs,) = read_history(tmp_path).values()
    assert [one["run"][0].as_py() for one in runs] == ["earlier", "later"]


def test_a_run_that_is_added_again_replaces_itself(tmp_path: Path) -> None:
    paths = {add_run(tmp_path, table("one")) for _ in range(2)}
    assert paths == {tmp_path / "GPU-1-2" / "one.parquet"}
    assert len(read_history(tmp_path)["GPU-1-2"]) == 1


def test_cpus_of_two_hosts_or_threads_are_two_devices() -> None:
    here = make_provenance()
    others = (make_provenance(host_hash="1" * 12), make_provenance(threads=4))
    assert len({device_id(one) for one in (here, *others)}) == 3


def test_what_is_no_history_is_refused_and_an_empty_one_is_empty(tmp_path: Path) -> None:
    assert read_history(tmp_path / "none") == {}
    with pytest.raises(BadInput, match="no point"):
        add_run(tmp_path, table("one").slice(0, 0))
    (tmp_path / "GPU").mkdir()
    (tmp_path / "GPU" / "x.parquet").write_bytes(b"no table")
    with pytest.raises(BadInput, match="is not a Parquet table") as refused:
        read_history(tmp_path)
    assert "history add" in refused.value.hint
    write_table(tmp_path / "GPU" / "x.parquet", "history", table("one").slice(0, 0))
    with pytest.raises(BadInput, match="holds no point"):
        read_history(tmp_path)


def test_a_table_without_a_run_is_refused(tmp_path: Path) -> None:
    whole = table("one")
    path = add_run(tmp_path, whole)
    place = whole.schema.get_field_index("utc")
    without = whole.set_column(place, whole.schema.field(place), pa.nulls(2, pa.string()))
    for broken, words in ((whole.slice(0, 0), "holds no point"), (without, "points without utc")):
        write_table(path, "history", broken)
        with pytest.raises(BadInput, match=words):
            read_history(tmp_path)


def test_the_name_of_a_device_leads_nowhere_else(tmp_path: Path) -> None:
    for uuid in ("..", ".", "../../x", ".hidden"):
        name = device_id(make_provenance(gpu=replace(GPU, uuid=uuid)))
        assert (tmp_path / name).resolve().parent == tmp_path.resolve()
        assert not name.startswith(".")
