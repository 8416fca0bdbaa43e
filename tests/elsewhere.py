"""Another user of this machine, for tests that only root can make."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

ANOTHER_USER = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")


@contextmanager
def as_another_user() -> Iterator[None]:
    """Let the block run with the rights of a user who owns nothing here."""
    os.seteuid(ANOTHER_USER)
    try:
        yield
    finally:
        os.seteuid(0)
