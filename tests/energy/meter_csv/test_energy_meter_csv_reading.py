"""A meter's CSV in the forms that people have: read right, or refused with what it holds."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.energy.power_meter import read_meter
from moeprof.store.errors import BadInput


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "meter.csv"
    path.write_text(text, encoding=encoding)
    return path


@pytest.mark.parametrize(
    ("column", "first"), [("time_s", 1.5), ("t_s", 1.5), ("Time_ms", 1500), ("time_ns", 1.5e9)]
)
def test_time_is_read_in_the_unit_of_its_name(tmp_path: Path, column: str, first: float) -> None:
    path = written(tmp_path, f"{column},meter_W,note\n{first},100,a\n{2 * first},110,b\n")
    meter = read_meter(path)
    assert meter.time_s.tolist() == [1.5, 3.0]
    assert meter.power_w.tolist() == [100, 110]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("time,power\n1,2\n", "'time' names no unit"),
        ("t_s,a_w,b_w\n1,2,3\n", r"1 column of time and 2 of power \(a_w, b_w\)"),
        ("t_s,a_w\n1,2\n2,3\n1.5,3\n", "2.000 s"),
        ("t_s,a_w\n1,2\n1,3\n", "two times"),
        ("t_s,a_w\n1,200\n", "two times"),
        ("t_s,a_w\n1,200\n2,\n3,inf\n4,none\n", "1 of 4 rows"),
        ("t_s,a_w\n1,5,200,5\n2,5,200,6\n", "more columns"),
        ("t_s,a_w\n1,5,200\n2,5,200\n", "more columns"),
        ("", "holds no whole line"),
        ("# a comment\nwhen,much\n1,2\n", "0 columns of time and 0 of power"),
        ("t_s,power\n1,200\n2,200\n", "'power' names no unit"),
        ("time,power_w\n1,200\n2,200\n", "'time' names no unit"),
        ("t_s,power_MW\n1,200\n2,200\n", "milliwatts or in megawatts"),
        ("t_s,power_w\n1,200 mW\n2,300 mW\n", "holds a number in 'mW'"),
        ("t_s,power_w\n0.0,0.1\n0.1,0.7\n", "holds 0.1 to 0.7 W, which no device takes"),
        ("t_s,power_w\n0.0,90000\n0.1,400000\n", "to 4e.05 W, which no device takes"),
        ("time_s,power_w\n1780000000000,200\n1780000000020,200\n", "after the year 2100"),
        ("time_s;power_w\n0,5;950\n1.5;1.020\n", "no one decimal mark"),
        ("time_ms;power_w\n0;950\n20;1.020\n", "'1.020' may be thousands or a fraction"),
        ("time_ms\tpower_w\n0\t950\n20\t1,020\n", "'1,020' may be thousands or a fraction"),
        ("time_ms;power_w\n0;5.100\n20;5.101\n", "'5.100' may be thousands or a fraction"),
        ("time_ms\tpower_w\n0\t5,100\n20\t5,101\n", "'5,100' may be thousands or a fraction"),
        ('time_ms,power_w\n"0","5,100"\n"20","5,101"\n', "'5,100' may be thousands or a fraction"),
        ("time_ms;power_w\n10.000;100\n10.020;100\n", "'10.000' may be thousands or a fraction"),
        ("time_s,power_w\n0,100\n1,100\n2,-90\n3,100\n", "1 negative powers in 4 rows"),
        ("time_s,power_w\n0,-100\n1,-101\n", "2 negative powers in 2 rows, as -101 W"),
        ("time_s,power_w\n0,100\n1,1\n2,1\ntime_s,power_mw\n3,5\n", "line 5 names other columns"),
        (
            "timestamp,index,power_w\n0 s,0,90\n0 s,1,9\n1 s,0,90\n1 s,1,9\n",
            "'index' names 2 devices",
        ),
        ("time,power_w\n2026-01-02T03:04:05Z,9\n2026-01-02T03:04:06,9\n", "zone and without"),
        ("t_ms,a_w\n5000,9\n100,9\n", "goes backwards"),
        ('t_s,a_w\n1,"9\n2,9\n', "1 of 2 rows"),
    ],
)
def test_a_file_that_is_no_meter_is_refused_with_what_it_holds(
    tmp_path: Path, text: str, found: str
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(BadInput, match=found) as caught:
        read_meter(path)
    assert str(path) in caught.value.message
    assert caught.value.hint


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.csv"):
        read_meter(tmp_path / "none.csv")


@pytest.mark.parametrize("missing", ["", "off", "nan"])
def test_a_row_without_a_power_is_left_out(tmp_path: Path, missing: str) -> None:
    meter = read_meter(written(tmp_path, f"t_s,a_w\n1,100\n2,{missing}\n3,110\n"))
    assert meter.time_s.tolist() == [1, 3]
    assert meter.power_w.tolist() == [100, 110]


def test_of_rows_at_one_time_the_mean_counts(tmp_path: Path) -> None:
    meter = read_meter(written(tmp_path, "t_s,a_w\n1.01,100\n1.01,110\n1.02,110\n1.02,150\n"))
    assert meter.time_s.tolist() == [1.01, 1.02]
    assert meter.power_w.tolist() == [105, 130]


@pytest.mark.parametrize(
    "text",
    [
        "time_s;note;power_w\n0;a, b;100\n0,5;c;110,25\n",
        "\ufefftime_s\tpower_w\n0\t100\n0,5\t110,25\n",
        "time_s;power_w\n0;100\n0.5;110.25\n",
    ],
)
def test_semicolons_tabs_and_decimal_commas_are_read(tmp_path: Path, text: str) -> None:
    meter = read_meter(written(tmp_path, text))
    assert meter.time_s.tolist() == [0, 0.5]
    assert meter.power_w.tolist() == [100, 110.25]


def test_a_note_in_another_encoding_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "meter.csv"
    path.write_text("time_s;°C;power_w\n0;40;100\n1;40;110\n", encoding="latin-1")
    assert read_meter(path).power_w.tolist() == [100, 110]


GOOD = [0.0, 0.02, 0.04], [100.0, 101.0, 102.5]


@pytest.mark.parametrize(
    "text",
    [
        "# logged by meter v2\ntime_s,power_w\n0.000,100\n0.020,101\n0.040,102.5\n",
        "sep=;\nModel;X1\n\ntime_s;power_w\n0,000;100\n0,020;101\n0,040;102,5\n",
        "time_s, power_w\n0.000, 100\n0.020, 101\n0.040, 102.5\n",
        "power_mw,time_ms\n100000,0\n101000,20\n102500,40\n",
        "Time (ms),P [kW]\n0,0.1\n20,0.101\n40,0.1025\n",
        "Zeit [ms];Leistung [mW]\n0;100.000\n20;101.000\n40;102.500\n1.000.000;1,5\n",
        "time,power\n0 ms,100.00 W\n20 ms,101.00 W\n40 ms,102500 mW\n",
        "time_s,power_w\n0.000,100 W\n0.020,101.0 W\n0.040,102.5 W\n",
        'time_ms,power_mw\n0,"100,000"\n20,"101,000.0"\n40,"102,500"\n',
        "time_ms;power_mw\n0;100 000\n20;101'000\n40;102\u202f500\n",
        "time_s,power_w,\n0.000,100,\n0.020,101,\n0.040,102.5,\n",
        "time_s,power_w,power_limit_w\n0.0,100,700\n0.02,101,700\n0.04,102.5,700\n",
        "time_s,power_w\r\n0.000,100\r\n0.020,101\r\n0.040,102.5\r\n",
        "time_s,power_w\n0.000,100\n0.020,101\n0.040,102.5\n0.060,1",
        "time_s|power_w\n0.000|100\n0.020|101\n0.040|102.5\n",
        "time_s;power_w\n0,000;100,000\n0,020;101,000\n0,040;102,500\n",
        "time_ms;power_mw\n0;100.000\n20;101.000\n40;102.500\n",
        "start_time_s,mean_power_w\n0,250\ntime_s,power_w\n0,100\n0.02,101\n0.04,102.5\n",
        "time_s,power_w\n0,100\n0.02,101\n0.04,102.5\ntime_s,power_w\n0.06,99\n",
        "index,time_s,power_w\n0,0,100\n1,0.02,101\n2,0.04,102.5\n",
        "time_h,power_w\n0,100\n0.0000055555555556,101\n0.0000111111111111,102.5\n",
        "time_s,power_w\n0.000,1e2\n0.020,1.01E+02\n0.040,102.5\n",
    ],
)
def test_one_recording_in_the_forms_that_people_have(tmp_path: Path, text: str) -> None:
    meter = read_meter(written(tmp_path, text))
    assert meter.time_s.tolist()[:3] == pytest.approx(GOOD[0])
    assert meter.power_w.tolist()[:3] == pytest.approx(GOOD[1])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-32"])
def test_another_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    meter = read_meter(written(tmp_path, "time_s,power_w\n0,100\n1,101\n", encoding))
    assert meter.power_w.tolist() == [100, 101]


NVIDIA_SMI = """timestamp, power.draw [W], power.limit [W], temperature.gpu
2026/01/02 23:59:59.990, 100.00 W, 700.00 W, 41
2026/01/03 00:00:00.010, [N/A], 700.00 W, 41
2026/01/03 00:00:00.030, 102.50 W, 700.00 W, 41
"""


@pytest.mark.parametrize("text", [NVIDIA_SMI, NVIDIA_SMI.replace(" W,", ",")])
def test_a_log_of_nvidia_smi_counts_from_its_first_time(tmp_path: Path, text: str) -> None:
    meter = read_meter(written(tmp_path, text))
    assert meter.time_s.tolist() == pytest.approx([0, 0.04])
    assert meter.power_w.tolist() == [100, 102.5]
    assert meter.left_out == 1


@pytest.mark.parametrize(
    "stamps",
    [
        ("2026-01-02T03:04:05.000Z", "2026-01-02T03:04:05.020Z"),
        ("2026-01-02 04:04:05.000+01:00", "2026-01-02 04:04:05.020+01:00"),
        ("2026-01-02T03:04:05Z", "2026-01-02T05:04:05.020+0200"),
        ("2026-01-02T03:04:05,000Z", "2026-01-02T03:04:05,020Z"),
    ],
)
def test_a_time_with_a_zone_counts_from_the_epoch(tmp_path: Path, stamps: tuple[str, str]) -> None:
    rows = "".join(f"{stamp};100\n" for stamp in stamps)
    meter = read_meter(written(tmp_path, f"time;power_w\n{rows}"))
    assert meter.time_s.tolist() == pytest.approx([1767323045.0, 1767323045.02], abs=1e-6)


@pytest.mark.parametrize(("unit", "seconds"), [("ms", 1e-3), ("us", 1e-6)])
def test_a_32_bit_clock_that_begins_again_goes_on(
    tmp_path: Path, unit: str, seconds: float
) -> None:
    counts = (2**32 - 40 + np.arange(5) * 20) % 2**32
    rows = "".join(f"{count},100\n" for count in counts)
    meter = read_meter(written(tmp_path, f"time_{unit},power_w\n{rows}"))
    assert np.diff(meter.time_s) == pytest.approx(20 * seconds)


def test_a_row_in_the_midst_that_is_none_is_left_out_and_counted(tmp_path: Path) -> None:
    text = "time_s,power_w\n0,100\n# paused\n1,101,2,3\n2,OL\n3,103\n4,104\n5,105\n6,106\n7,107\n"
    meter = read_meter(written(tmp_path, text + "8,1e308\n1e308,108\n9,1"))
    assert (meter.time_s.tolist(), meter.left_out) == ([0, 3, 4, 5, 6, 7], 5)


def test_negative_readings_are_left_out_and_noise_around_0_stays(tmp_path: Path) -> None:
    rows = "".join(f"{n},{-100 if n == 5 else -0.5 if n == 7 else 100}\n" for n in range(20))
    meter = read_meter(written(tmp_path, f"time_s,power_w\n{rows}"))
    assert (5 in meter.time_s, meter.left_out, meter.power_w.min()) == (False, 1, -0.5)


def test_rows_that_share_a_time_are_counted(tmp_path: Path) -> None:
    meter = read_meter(written(tmp_path, "time_s,power_w\n0,100\n0,300\n1,100\n"))
    assert meter.same_time == 1


def test_a_packed_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "meter.zip").write_bytes(b"PK\3\4 and so on")
    with pytest.raises(BadInput, match="is packed"):
        read_meter(tmp_path / "meter.zip")


def test_a_pointer_of_git_lfs_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    with pytest.raises(BadInput, match="is a Git LFS pointer"):
        read_meter(path)


@settings(max_examples=200)
@given(
    row=st.integers(0, 4),
    column=st.integers(0, 1),
    cell=st.text(alphabet="0123456789.,;- \t\"'#eWmkTZ:+/NA\u202f\0", max_size=12)
    | st.sampled_from(["time_us", "power_mw", "2026-01-02T03:04:05Z", "1e308", "-1e308", "nan"]),
    separator=st.sampled_from([",", ";", "\t"]),
)
def test_whatever_a_cell_holds_the_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, row: int, column: int, cell: str, separator: str
) -> None:
    rows = [["time_s", "power_w"], *([f"{0.5 * n}", f"{100 + n}.5"] for n in range(4))]
    rows[row][column] = cell
    text = "".join(f"{separator.join(one)}\n" for one in rows)
    path = written(tmp_path_factory.getbasetemp(), text)
    try:
        meter = read_meter(path)
    except BadInput:
        return
    assert np.isfinite(meter.time_s).all()
    assert np.isfinite(meter.power_w).all()
    assert (np.diff(meter.time_s) > 0).all()
