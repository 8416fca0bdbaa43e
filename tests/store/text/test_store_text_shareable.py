"""What is shared tells neither who measured nor where; the rest of a sentence stays."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.store.text.shareable import Private, shareable

ANN = Private(
    roots=("/srv/secret client/wörk", "/home/ann"),
    words=(("ann", "<user>"), ("lab-7", "<host>"), ("tok-12345", "$HF_TOKEN")),
)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("/home/someone/ops/my_op.py:3", "my_op.py:3"),
        ("cannot open '/data/x/y z'", "cannot open 'y z'"),
        ("cannot open '/data/it\\'s/y'", "cannot open 'y'"),
        ("/data/secret client/ops/my_op.py failed", "my_op.py failed"),
        ('File "/da"ta/ops/my_op.py", line 3', 'File "my_op.py", line 3'),
        ("file:///root/run/plan.json", "plan.json"),
        ("~/runs/a", "a"),
        ("PATH=/usr/bin/python", "PATH=python"),
        ("--output=/data/run/report", "--output=report"),
        (r"C:\Users\someone\x.py", "x.py"),
        (r"C:\Users\Jane Doe\x.py", "x.py"),
        (r"\\server\share\x.py", "x.py"),
        ("C:/Users/someone/x.py", "x.py"),
        ("/home/someone: permission denied", "~: permission denied"),
        ("in /home/someone", "in ~"),
        ("'/Users/someone'", "'~'"),
        ("https://example.org/a/b", "https://example.org/a/b"),
        ("artifacts/runs/a/scripts/fc1.py", "artifacts/runs/a/scripts/fc1.py"),
        ("40 tokens/s, 3 / 4", "40 tokens/s, 3 / 4"),
        ("mail bob@example.org now", "mail <e-mail> now"),
        ("fc1-b4@0", "fc1-b4@0"),
    ],
)
def test_any_absolute_path_loses_its_folders(text: str, kept: str) -> None:
    assert shareable(text, Private()) == kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("no room in /srv/secret client/wörk: full", "no room in ~: full"),
        ("/srv/secret client/wörk/a b/c.py", "c.py"),
        ("user ann on lab-7", "user <user> on <host>"),
        ("annual", "annual"),
        ("/home/annual/x", "x"),
        ("401 with tok-12345", "401 with $HF_TOKEN"),
    ],
)
def test_what_is_known_of_the_user_is_replaced(text: str, kept: str) -> None:
    assert shareable(text, ANN) == kept


@pytest.mark.parametrize(
    "part",
    [
        "a",
        "a.",
        "@",
        "/ ",
        "/a ",
        "\\",
        "\\\\",
        "'/",
        "'/\\'",
        '"/\\a',
        'File "',
        'File "/", lin',
        "C:\\",
    ],
)
@pytest.mark.parametrize("begin", ["", "/", "'/", "a@", '/ File "'])
def test_no_text_takes_long(begin: str, part: str) -> None:
    text = (begin + part * 4000)[:3999]
    began_s = time.process_time()
    for end in ("", "@", "!"):
        shareable(text + end, Private())
    assert time.process_time() - began_s < 0.05


@given(st.text())
def test_what_is_shareable_stays_as_it_is(text: str) -> None:
    once = shareable(text, ANN)
    assert shareable(once, ANN) == once
