"""A fork of a process that has threads, of which Python 3.12 and later warn."""

import os
import warnings


def fork() -> int:
    """The id of the child, and 0 in it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()
