"""docs/router.md: its example runs, and every name of the room and strategy is on it."""

import contextlib
import doctest
from pathlib import Path
from typing import get_args

import moeprof.router
from moeprof.router.settings import Strategy

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "router.md"


def test_the_example_runs() -> None:
    examples = doctest.DocTestParser().get_doctest(PAGE.read_text(), {}, PAGE.name, str(PAGE), 0)
    assert len(examples.examples) >= 5
    said: list[str] = []
    with contextlib.chdir(ROOT):
        results = doctest.DocTestRunner().run(examples, out=said.append)
    assert results.failed == 0, "".join(said)


def test_the_page_names_every_strategy_and_the_routers_own_names() -> None:
    page = PAGE.read_text()
    names = (*get_args(Strategy), *moeprof.router.__all__)
    assert [name for name in names if name not in page] == []
