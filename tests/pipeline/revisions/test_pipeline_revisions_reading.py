"""One reading: what a command may print, what makes a commit unreadable, and building once."""

import sys
from pathlib import Path

import pytest

from moeprof.pipeline.revisions.reading import Question, Unreadable, build, read
from moeprof.store.errors import BadInput

LIMIT_S = 30.0


def question(code: str, value: str | None = None, build: str | None = None) -> Question:
    return Question((sys.executable, "-c", code), value, build, LIMIT_S)


@pytest.mark.parametrize(
    ("code", "value", "number"),
    [
        ("print('warming up'); print(12.5)", None, 12.5),
        ("print('1e3')", None, 1000.0),
        ('print(\'{"rows": [{"us": 7}]}\')', "rows.0.us", 7.0),
        ('print(\'{"us": "8.5"}\')', "us", 8.5),
    ],
)
def test_a_number_is_the_last_line_or_lies_at_a_path(
    tmp_path: Path, code: str, value: str | None, number: float
) -> None:
    assert read(tmp_path, question(code, value)) == number


@pytest.mark.parametrize(
    ("code", "value", "words"),
    [
        ("pass", None, "printed no number: ''"),
        ("print('fast')", None, "printed no number: 'fast'"),
        ("print('nan')", None, "printed nan"),
        ("print(-3)", None, "printed -3, and a reading is a positive number"),
        ("print(0)", None, "printed 0"),
        ("print('inf')", None, "printed inf"),
        ("print('{')", "a", "printed no JSON"),
        ("print('{\"a\": true}')", "a", "printed nan"),
        ("print('{\"a\": 1' + 400 * '0' + '}')", "a", "printed no number"),
        ("print('{\"a\": []}')", "a.0", r"printed JSON without a\.0"),
        ("import sys; sys.exit('broken')", None, "ended with 1: broken"),
        ("import sys; sys.exit(125)", None, "ended with 125"),
        ("import os; os.abort()", None, "ended with"),
    ],
)
def test_anything_else_makes_the_commit_unreadable(
    tmp_path: Path, code: str, value: str | None, words: str
) -> None:
    with pytest.raises(Unreadable, match=words):
        read(tmp_path, question(code, value))


def test_a_command_that_does_not_end_is_ended(tmp_path: Path) -> None:
    hanging = Question((sys.executable, "-c", "import time; time.sleep(60)"), None, None, 0.5)
    with pytest.raises(Unreadable, match=r"was ended: no end within 0\.5 s"):
        read(tmp_path, hanging)


def test_what_fails_by_chance_is_tried_again(tmp_path: Path) -> None:
    code = "import os, sys; os.path.exists('a') or (open('a', 'w'), sys.exit(1)); print(5)"
    assert read(tmp_path, question(code)) == 5.0


def test_a_commit_is_built_once_and_its_own_files_are_imported_first(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("VALUE = 4")
    asked = question("import mine; print(mine.VALUE)", build="echo built >> builds")
    build(tmp_path, asked)
    build(tmp_path, asked)
    assert (tmp_path / "builds").read_text() == "built\n"
    assert read(tmp_path, asked) == 4.0


@pytest.mark.parametrize(("code", "tries"), [(1, 2), (125, 1)])
def test_a_build_that_fails_is_tried_again_unless_it_says_skip(
    tmp_path: Path, code: int, tries: int
) -> None:
    asked = question("print(1)", build=f"echo tried >> builds; exit {code}")
    with pytest.raises(Unreadable, match=f"the build ended with {code}"):
        build(tmp_path, asked)
    assert (tmp_path / "builds").read_text() == "tried\n" * tries


def test_a_folder_that_python_cannot_import_from_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a:b").mkdir()
    with pytest.raises(BadInput, match="at which Python splits its search path"):
        read(tmp_path / "a:b", question("print(1)"))


@pytest.mark.parametrize("words", [("no-such-program", "-x"), ("A=1", "no-such-program")])
def test_a_program_that_is_nowhere_is_no_fault_of_a_commit(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    with pytest.raises(BadInput, match="no program 'no-such-program'"):
        read(tmp_path, Question(words, None, None, LIMIT_S))


def test_a_program_that_a_commit_lacks_makes_it_unreadable(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="ended with 127"):
        read(tmp_path, Question(("./bench",), None, None, LIMIT_S))


def test_variables_may_stand_before_the_program(tmp_path: Path) -> None:
    assert read(tmp_path, Question(("N=7", "sh", "-c", "echo $N"), None, None, LIMIT_S)) == 7.0
