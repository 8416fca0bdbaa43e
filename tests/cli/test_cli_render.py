"""What moeprof prints: data to stdout, talk to stderr, and nothing of the user's words lost."""

import json
from typing import Any

import pytest
from rich.console import Console

from moeprof.cli import render


@pytest.fixture(autouse=True)
def _eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def test_talk_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    render.say("a run")
    render.warn("a warning")
    render.error("it broke", hint="mend it")
    render.error("no way out")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "a run",
        "warning: a warning",
        "error: it broke",
        "hint: mend it",
        "error: no way out",
    ]


def test_markup_in_a_path_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    render.say("run: /tmp/[bold]x[/bold]")
    assert capsys.readouterr().err == "run: /tmp/[bold]x[/bold]\n"


def test_a_long_sentence_stays_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    sentence = "word " * 60 + "end"
    render.error(sentence)
    assert capsys.readouterr().err == f"error: {sentence}\n"


def test_a_terminal_breaks_a_long_sentence_between_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Console(stderr=True, force_terminal=True, color_system=None, width=80)
    monkeypatch.setattr(render, "_talk", terminal)
    render.warn("word " * 60 + "end")
    lines = capsys.readouterr().err.splitlines()
    assert max(map(len, lines)) <= 80
    assert " ".join(lines).split() == ["warning:", *["word"] * 60, "end"]


def test_a_name_with_control_characters_stays_on_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    render.error("new\nline\x1b[31m.csv is empty")
    render.warn("new\nline.csv")
    assert capsys.readouterr().err == (
        "error: new\\nline\\u001b[31m.csv is empty\nwarning: new\\nline.csv\n"
    )


def test_data_is_json_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"latency_us": 1.5, "energy_mj": None, "name": "µ [x]"}
    render.data(value)
    out, err = capsys.readouterr()
    assert json.loads(out) == value
    assert err == ""


def test_data_refuses_a_number_that_json_lacks() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        render.data({"latency_us": float("nan")})


@pytest.mark.parametrize("value", ["[presets]\n", "[presets]"])
def test_text_ends_with_one_newline(capsys: pytest.CaptureFixture[str], value: Any) -> None:
    render.text(value)
    assert capsys.readouterr().out == "[presets]\n"


def test_a_table_aligns_numbers_to_the_right(capsys: pytest.CaptureFixture[str]) -> None:
    render.table("Points", ["op", "#n"], [["relu", "8"], ["topk", "24"]])
    title, header, *rows = capsys.readouterr().out.splitlines()
    assert title == "Points"
    assert header.split() == ["op", "n"]
    assert [row.rstrip().rindex(row.split()[1][-1]) for row in rows] == [
        len(header.rstrip()) - 1
    ] * 2


def test_a_table_folds_what_is_too_wide_and_loses_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    word = "".join(f"{number:03}" for number in range(60))
    render.table("Wide", ["what", "#n"], [[word, "1"]])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert word in "".join(line.split()[0] for line in lines[2:])


def test_a_cell_with_markup_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    render.table("T", ["a"], [["[red]PASS[/red]"], ["PASS"]])
    assert [line.strip() for line in capsys.readouterr().out.splitlines()][2:] == [
        "[red]PASS[/red]",
        "PASS",
    ]


def test_the_bar_ends_where_the_sweep_does(capsys: pytest.CaptureFixture[str]) -> None:
    with render.Talk() as bar:
        bar.point("cpu", "relu", 4, 0, 48)
        bar.point("cpu", "relu", 8, 1, 48)
        bar.point("cpu", "topk", 4, 2, 48)
        bar.end(3, 48)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[:2] == ["cpu: relu (0/48 points done)", "cpu: topk (2/48 points done)"]
    assert "3/48" in err.splitlines()[-1]
    assert err.splitlines()[-1].startswith("time is up")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, "-"),
        (0, "0"),
        (3.14159, "3.142"),
        (999.94, "999.9"),
        (9999.4, "9,999"),
        (123456.7, "123,457"),
        (-123456.7, "-123,457"),
        (2.5e9, "2.5e+09"),
        (1.5e-7, "1.5e-07"),
    ],
)
def test_a_number_has_four_significant_digits_and_no_needless_exponent(
    value: Any, written: str
) -> None:
    assert render.number(value) == written


@pytest.mark.parametrize(("share", "written"), [(None, "-"), (0.0, "0.00"), (0.03456, "3.46")])
def test_a_share_is_written_in_percent(share: float | None, written: str) -> None:
    assert render.percent(share) == written


def test_a_paragraph_is_wrapped_within_80_columns_and_keeps_numbers_whole(
    capsys: pytest.CaptureFixture[str],
) -> None:
    render.paragraph("the median error of a curve is 12.34 %, and " * 5, indent="  ")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) > 2
    assert max(map(len, lines)) <= 80
    assert not any(line.lstrip().startswith("%") for line in lines)
    assert [len(line) - len(line.lstrip()) for line in lines] == [2, *[6] * (len(lines) - 1)]


def test_rounds_say_nothing_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    with render.Rounds() as rounds:
        rounds.next("mean step without H100", 1, 4)
    assert capsys.readouterr() == ("", "")


def test_a_curve_s_name_is_broken_between_its_words_and_loses_nothing() -> None:
    assert render.name_lines("fc1-8x4-cold", 46) == ("fc1-8x4-cold",)
    lines = render.name_lines("w13_grouped-7168x2048-bf16-e256-k8-uniform-cold", 20)
    assert lines == ("w13_grouped-", "7168x2048-bf16-e256-", "k8-uniform-cold")
