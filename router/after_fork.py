"""What an object with a thread must do in a forked process, which has no such thread."""

import os
from collections.abc import Callable
from weakref import WeakMethod


def call_in_child(method: Callable[[], None]) -> None:
    """Call a method of an object in each process that os.fork makes, while the object is there.

    The method must touch no lock: a thread that does not exist in the child may hold it.
    """
    reference = WeakMethod(method)

    def call() -> None:
        alive = reference()
        if alive is not None:
            alive()

    os.register_at_fork(after_in_child=call)
