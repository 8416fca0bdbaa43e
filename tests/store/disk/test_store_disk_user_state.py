"""Where a user's state lies, by the XDG Base Directory Specification."""

from pathlib import Path

import pytest

from moeprof.store.disk.user_state import user_state


@pytest.mark.parametrize(
    ("xdg", "home", "wanted"),
    [
        ("/state", "/home/me", "/state/moeprof"),
        ("", "/home/me", "/home/me/.local/state/moeprof"),
        ("relative", "/home/me", "/home/me/.local/state/moeprof"),
        ("", "nowhere", None),
    ],
)
def test_the_users_state(
    monkeypatch: pytest.MonkeyPatch, xdg: str, home: str, wanted: str | None
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", xdg)
    monkeypatch.setenv("HOME", home)
    assert user_state() == (None if wanted is None else Path(wanted))
