"""The line of names in a meter's file, and the cells under it."""

from pathlib import Path

import pytest

from moeprof.energy.meter_csv.table import read_table
from moeprof.store.errors import BadInput

ROWS = "0,100\n1,101\n2,102\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "meter.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_cells_of_time_and_power_lie_under_their_places(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "note;t_s;p_w\na;0;100\nb;1;101\n"))
    assert (table.separator, table.columns.time.place, table.columns.power.place) == (";", 1, 2)
    assert table.cells[2].tolist() == ["100", "101"]


@pytest.mark.parametrize("settings", ["start_time_s,mean_power_w\n0,250\n", "# t_s, a_w, b_w\n"])
def test_names_of_settings_are_passed_over(tmp_path: Path, settings: str) -> None:
    table = read_table(written(tmp_path, f"{settings}time_s,power_w\n{ROWS}"))
    assert table.columns.time.name == "time_s"
    assert len(table.cells) == 3


def test_other_names_in_the_midst_are_refused_with_their_line(tmp_path: Path) -> None:
    path = written(tmp_path, f"time_s,power_w\n{ROWS}\ntime_s,power_mw\n{ROWS}")
    with pytest.raises(BadInput, match="line 6 names other columns than line 1: 'time_s,power_mw'"):
        read_table(path)


def test_the_same_names_again_are_passed_over(tmp_path: Path) -> None:
    rows = "".join(f"t_s,p_w\n{row}\n" for row in ROWS.split())
    assert read_table(written(tmp_path, rows)).cells[1].tolist() == ["100", "101", "102"]


def test_half_a_pair_of_quotes_costs_its_row_alone(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, 't_s,p_w\n0,"100\n1,101\n2,"102"\n'))
    assert table.cells[1].tolist() == ["", "101", "102"]


def test_a_line_longer_than_any_row_is_refused_with_its_number(tmp_path: Path) -> None:
    path = written(tmp_path, f"time_s,power_w,note\n0,100,\n1,101,{'x' * 70_000}\n")
    with pytest.raises(BadInput, match="line 3 has 70006 characters; a row of a meter has at most"):
        read_table(path)
