"""Where a user's programs keep what outlasts a run: $XDG_STATE_HOME, by default ~/.local/state."""

import os
from pathlib import Path


def user_state() -> Path | None:
    """The folder of moeprof's own state, which need not be there; None for a user without a home.

    Source: XDG Base Directory Specification, by which a relative path is ignored.
    """
    state = os.environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(state):
        state = os.path.join(os.path.expanduser("~"), ".local", "state")
    return Path(state) / "moeprof" if os.path.isabs(state) else None
